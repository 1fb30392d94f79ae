import { describe, expect, test } from 'vitest'

import { parseSqliteDsn } from './dsn.ts'

const defaults = { mode: 'rwc', journal: 'wal', integers: 'number' }

describe('parseSqliteDsn', () => {
  test.each([
    ['sqlite:./file.db', './file.db'],
    ['sqlite:file.db', 'file.db'],
    ['sqlite:../up/file.db', '../up/file.db'],
    ['sqlite:/abs/file.db', '/abs/file.db'],
    ['sqlite:///abs/file.db', '/abs/file.db'],
    ['sqlite::memory:', ':memory:'],
    ['SQLite:file.db', 'file.db'],
    ['sqlite:./odd%3Fname%20%25.db', './odd?name %.db'],
  ])('reads %s', (dsn, file) => {
    expect(parseSqliteDsn(dsn)).toEqual({ file, ...defaults })
  })

  test('reads options', () => {
    expect(parseSqliteDsn('sqlite:./a.db?mode=ro&journal=keep&integers=bigint')).toEqual({
      file: './a.db',
      mode: 'ro',
      journal: 'keep',
      integers: 'bigint',
    })
  })

  test.each([
    ['postgres://x/y', 'is not the name'],
    ['sqlite:', 'names no file'],
    ['sqlite:///', 'names no file'],
    ['sqlite://host/file.db', 'a host behind "//"'],
    ['sqlite:./a.db?mode=write', 'dsn: The option mode is "write". Allowed: rwc, rw, ro.'],
    ['sqlite:./a.db?cache=shared', 'no option "cache"'],
    ['sqlite:./50%.db', '"%"'],
    ['sqlite::memory:?mode=ro', 'always new'],
  ])('refuses %s', (dsn, message) => {
    expect(() => parseSqliteDsn(dsn)).toThrow(message)
  })

  test('names the place in the configuration, and no password', () => {
    expect(() => parseSqliteDsn('sqlite:a.db?mode=x', 'databases.shop')).toThrow('databases.shop: The option mode')
    expect(() => parseSqliteDsn('sqlite://me:s3cret@host/a.db')).not.toThrow('s3cret')
  })
})
