import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { isOlderNode, OlderNode } from './older-node.ts'

let folder: string
let database: DatabaseSync

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-sqlite-'))
  database = new DatabaseSync(join(folder, 'test.db'))
  database.exec('create table t (id integer primary key); insert into t values (1), (2), (3)')
})

afterEach(() => {
  if (new OlderNode(database, false).isOpen) database.close()
  rmSync(folder, { recursive: true })
})

describe('isOlderNode', () => {
  const versionWith = (...methods: string[]): boolean =>
    isOlderNode({ StatementSync: { prototype: Object.fromEntries(methods.map((name) => [name, () => null])) } })

  test('needs everything to be there', () => {
    expect(versionWith('all', 'columns', 'setReturnArrays')).toBe(false)
    expect(versionWith('all', 'columns')).toBe(true)
    expect(versionWith('all')).toBe(true)
  })
})

describe('OlderNode.inTransaction', () => {
  test.each(['', '?mode=ro', 'pragma query_only = on'])('agrees with SQLite about begin and savepoints (%j)', (how) => {
    const readOnly = how === '?mode=ro'
    using db = closing(new DatabaseSync(join(folder, 'test.db'), { readOnly }))
    if (!readOnly) db.database.exec(how)
    const older = new OlderNode(db.database, false)
    expect(older.inTransaction).toBe(false)
    for (const [begin, end] of [
      ['begin', 'commit'],
      ['savepoint s', 'release s'],
      ['begin', 'rollback'],
    ] as const) {
      db.database.exec(begin)
      expect(older.inTransaction).toBe(true)
      expect(older.inTransaction).toBe(true)
      db.database.exec(end)
      expect(older.inTransaction).toBe(false)
    }
  })

  test('leaves cursors, changes and counts alone', () => {
    const older = new OlderNode(database, false)
    const reading = database.prepare('select id from t order by id').iterate()
    expect(reading.next().value).toEqual({ id: 1 })
    expect(older.inTransaction).toBe(false)
    expect(reading.next().value).toEqual({ id: 2 })
    const writing = database.prepare('insert into t values (4), (5) returning id').iterate()
    expect(writing.next().value).toEqual({ id: 4 })
    expect(older.inTransaction).toBe(false)
    expect(writing.next().value).toEqual({ id: 5 })
    expect(writing.next().done).toBe(true)
    expect(reading.next().value).toEqual({ id: 3 })
    reading.return?.()
    expect(database.prepare('select count(*) as n from t').get()).toEqual({ n: 5 })
    database.exec('begin; delete from t where id > 3')
    expect(older.inTransaction).toBe(true)
    expect(older.changes()).toEqual({ changes: 2, lastInsertRowid: 5 })
    database.exec('rollback')
    expect(older.inTransaction).toBe(false)
  })

  test('knows it while another connection has locked the file', () => {
    using other = closing(new DatabaseSync(join(folder, 'test.db')))
    other.database.exec('begin exclusive')
    const older = new OlderNode(database, false)
    expect(older.inTransaction).toBe(false)
    database.exec('begin')
    expect(older.inTransaction).toBe(true)
  })
})

test('OlderNode.schemaChanged notices what other connections change, once', () => {
  using other = closing(new DatabaseSync(join(folder, 'test.db')))
  const older = new OlderNode(database, false)
  expect(older.schemaChanged()).toBe(true)
  expect(older.schemaChanged()).toBe(false)
  other.database.exec('insert into t values (9)')
  expect(older.schemaChanged()).toBe(false)
  other.database.exec('alter table t add column extra')
  expect(older.schemaChanged()).toBe(true)
  expect(older.schemaChanged()).toBe(false)
  database.exec('drop table t')
  expect(older.schemaChanged()).toBe(true)
})

test('OlderNode.isOpen sees that the database was closed', () => {
  const older = new OlderNode(database, false)
  expect(older.isOpen).toBe(true)
  database.close()
  expect(older.isOpen).toBe(false)
})

test('OlderNode.refuseArrays lets pass what returns no rows', () => {
  const older = new OlderNode(database, false)
  expect(() => older.refuseArrays('insert', 'insert into t values (9)')).not.toThrow()
  expect(() => older.refuseArrays('insert', 'insert into t values (9) RETURNING id')).toThrow('Node.js 22.16')
  expect(() => older.refuseArrays('select', 'select 1')).toThrow('Node.js 22.16')
})

function closing(db: DatabaseSync): { readonly database: DatabaseSync } & Disposable {
  return { database: db, [Symbol.dispose]: () => db.close() }
}
