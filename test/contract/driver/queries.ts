import { describe, expect } from 'vitest'

import { column, countItems, insertItem, read, statement, valueOf, type ContractContext } from './context.ts'

export function describeQueries(context: ContractContext): void {
  const { check, open, sql } = context
  describe('queries', () => {
    check('returns rows as objects, their number and their fields in column order', async () => {
      const pool = await open()
      await pool.query(insertItem(context, 'apple', 7))
      const result = await pool.query(read('select n, name from item'))
      expect(result.rows).toEqual([{ n: 7, name: 'apple' }])
      expect(result.rowCount).toBe(1)
      expect(result.fields.map((field) => field.name)).toEqual(['n', 'name'])
      expect(result.fields.every((field) => field.native !== undefined)).toBe(true)
      expect(result.native).toBeDefined()
    })

    check('returns rows as arrays when asked, and the same text as objects again', async () => {
      const pool = await open({ maxConnections: 1 })
      await pool.query(insertItem(context, 'apple', 7))
      const text = 'select n, name from item'
      expect((await pool.query(read(text, [], { rowMode: 'array' }))).rows).toEqual([[7, 'apple']])
      expect((await pool.query(read(text, [], { rowMode: 'object' }))).rows).toEqual([{ n: 7, name: 'apple' }])
      expect((await pool.query(read(text, [], { rowMode: 'array' }))).rows).toEqual([[7, 'apple']])
    })

    check('returns raw values that have lost nothing, and the same text as others again', async () => {
      const pool = await open({ maxConnections: 1 })
      const usual = (await pool.query(read(sql.raw.sql, [], { rowMode: 'array' }))).rows
      expect(usual).not.toEqual([sql.raw.row])
      for (const prepare of [true, true, true, false]) {
        expect((await pool.query(read(sql.raw.sql, [], { rowMode: 'raw', prepare }))).rows).toEqual([sql.raw.row])
      }
      const streamed: unknown[] = []
      for await (const row of pool.stream(read(sql.raw.sql, [], { rowMode: 'raw' }))) streamed.push(row)
      expect(streamed).toEqual([sql.raw.row])
      expect((await pool.query(read(sql.raw.sql, [], { rowMode: 'array' }))).rows).toEqual(usual)
    })

    check('describes the fields of a result without rows', async () => {
      const pool = await open()
      const result = await pool.query(read('select n, name from item'))
      expect(result.rows).toEqual([])
      expect(result.fields.map((field) => field.name)).toEqual(['n', 'name'])
    })

    check('reports how many rows a write changed', async () => {
      const pool = await open()
      await pool.query(insertItem(context, 'apple', 1))
      await pool.query(insertItem(context, 'pear', 2))
      const changed = await pool.query(statement('update item set n = n + 1'))
      expect(changed.rowCount).toBe(2)
      expect(changed.rows).toEqual([])
      expect((await pool.query(statement('delete from item where n > 100'))).rowCount).toBe(0)
    })

    check('reports the generated id of an inserted row, and none of other statements', async () => {
      const pool = await open()
      const first = await pool.query(insertItem(context, 'apple', 1))
      const second = await pool.query(insertItem(context, 'pear', 2))
      const expected = context.reportsInsertId ? [1, 2] : [undefined, undefined]
      expect([first.insertId, second.insertId]).toEqual(expected)
      expect((await pool.query(statement('update item set n = 3'))).insertId).toBeUndefined()
    })

    check('binds parameters by position', async () => {
      const pool = await open()
      await pool.query(insertItem(context, "it's; -- $1 ?", 5))
      const { placeholder } = sql
      const text = `select name from item where n = ${placeholder(1)} and name = ${placeholder(2)}`
      const found = await pool.query(read(text, [5, "it's; -- $1 ?"]))
      expect(column(found.rows[0], 'name')).toBe("it's; -- $1 ?")
      expect((await pool.query(read(text, [6, "it's; -- $1 ?"]))).rows).toEqual([])
    })

    for (const { kind, sql: text, given, expected } of sql.roundTrips) {
      check(`sends and returns ${kind}`, async () => {
        const pool = await open()
        const result = await pool.query(read(text, [given]))
        expect(column(result.rows[0], 'value')).toEqual(expected)
      })
    }

    check('runs without a prepared statement when asked', async () => {
      const pool = await open()
      await pool.query(insertItem(context, 'apple', 7))
      const result = await pool.query(
        read(`select n from item where name = ${sql.placeholder(1)}`, ['apple'], { prepare: false }),
      )
      expect(column(result.rows[0], 'n')).toBe(7)
    })

    check('works without a statement cache', async () => {
      const pool = await open({ statementCacheSize: 0 })
      await pool.query(insertItem(context, 'apple', 7))
      expect(await countItems(pool)).toBe(1)
    })

    check('sees a column that was added after the statement was first run', async () => {
      const pool = await open({ maxConnections: 1 })
      await pool.query(insertItem(context, 'apple', 7))
      const text = 'select name, n from item'
      await pool.query(read(text))
      await pool.query(statement('alter table item add column extra integer'))
      expect((await pool.query(read('select * from item'))).fields).toHaveLength(4)
      expect((await pool.query(read(text))).rows).toEqual([{ name: 'apple', n: 7 }])
    })

    check('gives a hundred concurrent statements each its own answer', async () => {
      const pool = await open()
      const { placeholder } = sql
      for (let n = 0; n < 100; n += 1) await pool.query(insertItem(context, `name ${n}`, n))
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, n) =>
          valueOf(await pool.query(read(`select name as value from item where n = ${placeholder(1)}`, [n]))),
        ),
      )
      expect(answers).toEqual(Array.from({ length: 100 }, (_, n) => `name ${n}`))
    })

    check('carries out a hundred concurrent writes', async () => {
      const pool = await open()
      await Promise.all(Array.from({ length: 100 }, async (_, n) => pool.query(insertItem(context, `name ${n}`, n))))
      expect(await countItems(pool)).toBe(100)
    })
  })
}
