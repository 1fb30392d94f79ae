import { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import bare from 'mysql2'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import * as facade from '../../src/adapters/mysql2.ts'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'
import { onCarriedCall } from '../support/carried-calls.ts'

type Module = Pick<typeof facade, 'createPool' | 'createConnection'>
type Settings = facade.PoolOptions
type Told = (error: unknown, rows?: unknown, fields?: unknown) => void
type Statement = readonly [sql: string, values?: unknown[]]

const definitions = [
  `create table item (id integer primary key auto_increment, name varchar(40), price decimal(12,4), big bigint unsigned, ratio double, flags set('a','b'),
     size enum('s','l'), made datetime(3), day date, at time, seen timestamp null, data json, bytes blob, bits bit(10), yes tinyint(1), text longtext, year year)`,
  `insert into item values (1, 'item é', 1.5, 18446744073709551615, 0.1, 'a,b', 's', '2026-01-02 03:04:05.678', '2026-01-02', '-12:34:56', '2026-01-02 03:04:05',
     '{"a": [1, "x"]}', x'00ff10', b'1000000001', 1, 'long', 1999)`,
  `insert into item (id, name, made, day) values (2, '', '0000-00-00', '0000-00-00'), (3, null, null, null), (4, 'item 4', null, null), (5, 'item 5', null, null)`,
  'create table other (id integer primary key auto_increment, name varchar(20) unique, n integer default 0)',
  "insert into other (name) values ('one'), ('two')",
  'create table empty (id integer)',
  `create procedure several(n integer) begin select n; select id from item where id < n; update item set name = name; select 1 as one; end`,
  'create procedure changes(n integer) update other set n = n + 1',
  "create procedure fails() begin select 1 as one; signal sqlstate '45000' set message_text = 'no'; end",
]

/** Statements that can be run again and again, in any order; those of one line differ in their values alone. */
const statements: readonly (readonly Statement[])[] = [
  [['select * from item where id = ?', [1]]],
  [['select * from item order by id']],
  [['select id, name from item where id < ? order by id', [4]]],
  [['select id, name from item where id = ?', [99]]],
  [['select * from empty']],
  [['select id as a, name as a from item where id = 1']],
  [['select i.id, o.id, o.name as name, 1 as `a.b`, 2 as `` from item i join other o using (id) order by 1']],
  [['select ? as a, ? as b, ? as c, ? as d', [null, 'é𝒳 \\ \' " \0', 7, 1.5]]],
  [['select ? as at, ? as bytes, ? as yes, ? as big', [new Date(0), Buffer.from([0, 255, 39]), true, 2n ** 60n]]],
  [['select id from ?? where id in (?) and ? = ?', ['item', [1, 2], 1, 1]]],
  [['select * from item where name = ? or 1 = ?', [undefined, 1]]],
  [['select 1 as `é`, nothing as `ü` from item'], ['select 1 as `é`, name as `ü` from item']],
  [["select '?' as mark, ? as n, 'it''s' as q", [1]]],
  [['select count(*), sum(price), max(big), avg(ratio), -9223372036854775808 as low from item']],
  [["select name, count(*) from item group by name with rollup having name is null or name <> 'x'"]],
  [['select json_object(1, 2), point(1, 2), st_geomfromtext(?)', ['LINESTRING(0 0,1 1)']]],
  [['select id from item where id = ? for update', [1]]],
  [['(select id from item) union all (select id from other) order by id limit 3']],
  [['values (1, 2), (3, 4)']],
  [['show columns from item']],
  [['select 1; select 2']],
  [['select /* said */ 1 as one -- more']],
  [['select 1 / 0 as nothing, cast(? as unsigned) as n', ['x1']]],
  [['call several(?)', [3]]],
  [['call changes(?)', [1]]],
  [['call fails()']],
  [['call no_such()']],
  [['update item set name = name where id = ?', [2]]],
  [['update other set n = n + 1 where name = ?', ['two']]],
  [['delete from item where id = ?', [-1]]],
  [['insert into other (id, name) values (?, ?) on duplicate key update n = n', [1, 'one']]],
  [['insert ignore into other (id, name) values (1, ?)', ['one']]],
  [['insert into other (id, name) values (?, ?)', [1, 'x']]],
  [['insert into other (name) values (?)', ['x'.repeat(21)]]],
  [['replace into other (id, name) values (?, ?) returning id, name', [2, 'two']]],
  [["load data local infile 'any' ignore into table other (id, name)"]],
  [['insert into nowhere (id) values (?)', [1]]],
  [['select nothing from item where id = ?', [1]]],
  [['select id from item where id = (select id from other)']],
  [['selec ?', [1]]],
  [['']],
  [[1, 2, 3, 4, 5].map((n) => [`select id, name, price from item where id = ${n}`] as const)].flat(),
  [7, 8, 9, 10, 11].map((n) => [`select '${n}' as name, ${n} as n, ${n}.5 as d from item where id = 1`] as const),
  [7, 8, 9, 10, 11].map((n) => [`update item set price = price /* ${n} */ where id = ${n}`] as const),
  [7, 8, 9, 10, 11].map((n) => [`insert into other (id, name) values (1, '${n}')`] as const),
  [1, 2, 3, 4, 5].map((n) => [`select * from item where id = ? /* trace ${n} */`, [n]] as const),
]

/** What the server makes of a value must not hang on which came before it for the same mark. */
const kinds: readonly unknown[] = [
  [
    1,
    -1,
    1.5,
    0,
    2 ** 53,
    1e300,
    NaN,
    2n ** 63n,
    -(2n ** 63n),
    null,
    undefined,
    true,
    false,
    new Date(0),
    new Date(NaN),
  ],
  ['1', '1.5', 'x', '', 'item é', '2026-01-02', '0x31', Buffer.from('1'), Buffer.from([0, 255]), [1, 2], { a: 1 }],
].flat()
const ofAllKinds: readonly (readonly Statement[])[] = [
  ...[
    'select ? as v',
    'select id, name from item where id = ?',
    'select id from item where price <= ? order by id',
    'select id from item where made > ? order by id',
    'select concat(name, ?) as c, ifnull(?, 1) as i from item order by id',
    'select id from item order by id limit ?',
    'update item set ratio = ? where id = 4',
    'update item set text = ? where id = 4',
  ].map((sql) => kinds.map((value) => [sql, Array.from({ length: sql.split('?').length - 1 }, () => value)] as const)),
  [['select ratio, text from item where id = 4']],
]

/** Those that take long, for fewer forms. */
const big: readonly (readonly Statement[])[] = [
  [['select seq as id, seq * ? as m, repeat(?, 10) as t from seq_1_to_20000', [2, 'é']]],
  [['select seq as id, repeat(?, 100000) as wide from seq_1_to_9', ['x']]],
  [['select repeat(?, 70000) as wide', ['é']]],
  [['select seq, (select 1 union all select 2 from dual where seq > ?) as x from seq_1_to_3000', [2_000]]],
  [['update item set text = ? where id = 5', ['y'.repeat(100_000)]]],
  [['insert into empty select null from seq_1_to_5000 where seq < ?', [0]]],
  [1, 2, 3, 4, 5].map((n) => [`select '${String(n).repeat(100_000)}' as wide, ${n} as n`] as const),
]

/** All that mysql2 says of a column, but for the name of its database. */
function columnOf(column: unknown): unknown {
  if (Array.isArray(column)) return column.map(columnOf)
  const { name, orgName, table, orgTable, columnType, type, flags, decimals, characterSet, encoding, columnLength } =
    (column ?? {}) as Record<string, unknown>
  return { name, orgName, table, orgTable, columnType, type, flags, decimals, characterSet, encoding, columnLength }
}

/** What two answers have to have in common. `database`: each side has one of its own. */
function answerOf(error: unknown, rows: unknown, fields: unknown, database: string): unknown {
  const named = (text: unknown): unknown => (typeof text === 'string' ? text.replaceAll(database, 'own') : text)
  if (error !== null && error !== undefined) {
    const { name, message, code, errno, sqlState, sqlMessage, sql, fatal } = error as Error & Record<string, unknown>
    return { name, message: named(message), code, errno, sqlState, sqlMessage: named(sqlMessage), sql, fatal }
  }
  const kinds = [rows].flat().map((row: unknown) => (row as object | null)?.constructor.name)
  return { rows, kinds: [...new Set(kinds)], fields: Array.isArray(fields) ? fields.map(columnOf) : fields }
}

/** Of thousands of rows this takes a fraction of what the matcher takes. */
function expectSame(found: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(found, expected)) expect(found, what).toStrictEqual(expected)
}

interface Asker {
  readonly ask: (sql: string, values: unknown, told: Told) => void
  readonly end: () => Promise<void>
}

interface Form {
  readonly settings?: Settings
  /** Of each query. */
  readonly options?: Partial<bare.QueryOptions>
  readonly open?: (module: Module, settings: Settings, options: Partial<bare.QueryOptions>) => Asker
  /** The settings lead to the server; else there is a client for it. */
  readonly bySettings?: boolean
}

function byPool(module: Module, settings: Settings, options: Partial<bare.QueryOptions>): Asker {
  const pool = module.createPool(settings)
  return {
    ask: (sql, values, told) => {
      if (Object.keys(options).length > 0) pool.query({ ...options, sql, values } as bare.QueryOptions, told)
      else if (values === undefined) pool.query(sql, told)
      else pool.query(sql, values as bare.QueryValues, told)
    },
    end: async () => await pool.promise().end(),
  }
}

function byPromise(module: Module, settings: Settings): Asker {
  const pool = module.createPool(settings).promise()
  return {
    ask: (sql, values, told) =>
      void pool.query(sql, values as bare.QueryValues).then(
        (answer) => told(null, ...answer),
        (error: unknown) => told(error),
      ),
    end: async () => await pool.end(),
  }
}

function byLeasing(module: Module, settings: Settings): Asker {
  const pool = module.createPool(settings)
  return {
    ask: (sql, values, told) =>
      pool.getConnection((error, connection) => {
        if (error) return told(error)
        connection.query(sql, values as bare.QueryValues, (...answer: [unknown, unknown?, unknown?]) => {
          connection.release()
          told(...answer)
        })
      }),
    end: async () => await pool.promise().end(),
  }
}

/** One connection, which runs one after the other. */
function byConnection(module: Module, settings: Settings, options: Partial<bare.QueryOptions>): Asker {
  const connection = module.createConnection(settings)
  return {
    ask: (sql, values, told) => void connection.query({ ...options, sql, values } as bare.QueryOptions, told),
    end: async () => await connection.promise().end(),
  }
}

const typeCast: bare.TypeCast = (field, next) => {
  if (field.name === 'id') return `<${field.type} ${field.length} ${field.table} ${field.string()}>`
  return field.type === 'BLOB' ? field.buffer()?.toString('hex') : next()
}
const infileStreamFactory = (): Readable => Readable.from([Buffer.from('1\tone\n2\ttwo\n')])

const forms: Readonly<Record<string, Form>> = {
  'by callback': {},
  'by promise': { open: byPromise },
  'on leased connections': { open: byLeasing },
  'on one connection': { open: byConnection },
  'as arrays': { options: { rowsAsArray: true } },
  'as arrays, as the connection is set to': { settings: { rowsAsArray: true }, open: byConnection },
  'in tables': { options: { nestTables: true } },
  'in tables, with a separator': { settings: { nestTables: '_' } },
  'with a function for values': { options: { typeCast }, open: byConnection },
  'with a function for values of the pool': { settings: { typeCast } },
  'without types': { options: { typeCast: false } },
  'with names for values': { settings: { namedPlaceholders: true } },
  'with values as text': {
    settings: { dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, jsonStrings: true },
  },
  'with numbers, in another time zone': {
    settings: { dateStrings: ['DATE'], supportBigNumbers: true, decimalNumbers: true, timezone: '+03:00' },
  },
  'without generated code': { settings: { disableEval: true } },
  'with files': { settings: { infileStreamFactory } },
  'several in a text': { settings: { multipleStatements: true } },
  'with connections that are reset': { settings: { resetOnRelease: true } },
  'in another character set': { settings: { charset: 'LATIN1_SWEDISH_CI' } },
  'in another character set, on one connection': { settings: { charset: 'KOI8R_GENERAL_CI' }, open: byConnection },
  'by settings of a server': { bySettings: true, open: byPromise },
  'by settings of a server in another character set': { settings: { charset: 'LATIN1_SWEDISH_CI' }, bySettings: true },
  'by settings that no data source name holds': {
    settings: { authPlugins: { never: () => () => Buffer.alloc(0) }, dateStrings: true },
    bySettings: true,
  },
}

/** Each mark as a name. */
function withNames(sql: string, values: unknown[] = []): { readonly sql: string; readonly values: unknown } {
  if (values.length === 0 || /'\?'|\?\?/.test(sql)) return { sql, values }
  let n = 0
  return { sql: sql.replaceAll('?', () => `:v${n++}`), values: Object.fromEntries(values.map((v, i) => [`v${i}`, v])) }
}

describe.runIf(testedEngines.includes('mysql'))('queries of mysql2 that run as they are', () => {
  let ours: TestDatabase
  let theirs: TestDatabase
  let client: Client<'default'>
  /** How many did. */
  let taken = 0

  beforeEach(async () => {
    ours = await freshDatabase('mysql')
    theirs = await freshDatabase('mysql')
    client = await connect({ databases: { default: ours.dsn as Dsn }, pool: { maxConnections: 9 } })
    onTestFinished(async () => {
      vi.restoreAllMocks()
      await client.close()
      await ours.drop()
      await theirs.drop()
    })
    for (const { dsn } of [ours, theirs]) {
      const own = bare.createConnection(dsn).promise()
      await own.query("set sql_mode = ''")
      for (const sql of definitions) await own.query(sql)
      await own.end()
    }
    taken = 0
    onCarriedCall(() => void (taken += 1))
  })

  type Ask = (statement: Statement) => Promise<unknown>

  /** The same on both sides: the façade's, and that of mysql2. */
  function opened({ settings = {}, options = {}, open = byPool, bySettings = false }: Form): readonly [Ask, Ask] {
    const askOf = (module: Module, { dsn }: TestDatabase): Ask => {
      const { end, ask } = open(module, { ...settings, uri: dsn }, options)
      onTestFinished(end)
      const database = new URL(dsn).pathname.slice(1)
      return async ([text, given]) => {
        const { sql, values } =
          settings.namedPlaceholders === true ? withNames(text, given) : { sql: text, values: given }
        return await new Promise((resolve) =>
          ask(sql, values, (error, rows, fields) => resolve(answerOf(error, rows, fields, database))),
        )
      }
    }
    return [askOf(bySettings ? facade : facade.mysql2For(client), ours), askOf(bare, theirs)]
  }

  async function compareRepeated([ask, expected]: readonly [Ask, Ask], alike: readonly Statement[]): Promise<void> {
    const what = alike[0]![0].slice(0, 100)
    for (let round = 0; round < Math.max(6, 2 * alike.length); round++) {
      const statement = alike[round % alike.length]!
      expectSame(await ask(statement), await expected(statement), `${what}, run ${round}`)
    }
    // Many of these at a time may stand in each other's way for good, or come in any order.
    if (/^replace|on duplicate|^update item set \w+ = \?/.test(what)) return
    const many = async (by: Ask): Promise<unknown> =>
      await Promise.all(Array.from({ length: 12 }, async (_, n) => await by(alike[n % alike.length]!)))
    expectSame(await many(ask), await many(expected), `${what}, many at a time`)
  }

  it.each(Object.keys(forms))('give what mysql2 gives, however often they run, %s', async (form) => {
    const sides = opened(forms[form]!)
    for (const alike of statements) await compareRepeated(sides, alike)
    expect(taken).toBeGreaterThan(450)
  })

  it.each([
    'by callback',
    'on one connection',
    'as arrays',
    'with values as text',
    'with numbers, in another time zone',
    'by settings of a server',
  ])('give what mysql2 gives, whatever their values are, %s', async (form) => {
    const sides = opened(forms[form]!)
    for (const alike of ofAllKinds) await compareRepeated(sides, alike)
    expect(taken).toBeGreaterThan(300)
  })

  it.each(['by callback', 'on one connection', 'with a function for values'])(
    'give what mysql2 gives where that is much, %s',
    async (form) => {
      const sides = opened(forms[form]!)
      for (const alike of big) await compareRepeated(sides, alike)
      expect(taken).toBeGreaterThan(50)
    },
  )
})
