// Loaded before the tests of one process for many files: what one of them would still be loading at its end could not be loaded by the next one.
await Promise.all([
  import('../../src/drivers/mysql.ts'),
  import('../../src/drivers/postgres.ts'),
  import('../../src/drivers/sqlite.ts'),
  import('../../src/statement/mysql.ts'),
  import('../../src/statement/mysql/functions.ts'),
  import('../../src/statement/postgres.ts'),
  import('../../src/statement/postgres/built-ins.ts'),
  import('../../src/statement/postgres/lexer.ts'),
  import('../../src/statement/sqlite.ts'),
  import('../../src/statement/sqlite/functions.ts'),
])
