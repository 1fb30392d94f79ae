import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drivers } from '../../src/drivers/all.ts'
import type { DriverPool, DriverResult, Field } from '../../src/drivers/driver.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { finished, type FinishedBy } from '../support/finished.ts'
import { generatedStatements, type ScatteredStatement, statementsOf } from '../support/scattered-statements.ts'
import { typeOfField } from '../support/same-answer.ts'
import { parts, scatteredRows, scatteredSchema } from '../support/scattered-table.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

const limits = {
  maxConnections: 4,
  connectTimeoutMs: 5_000,
  acquireTimeoutMs: 10_000,
  idleTimeoutMs: 10_000,
  statementCacheSize: 256,
  multiplexConnections: 2,
  multiplexSlowMs: 10,
  busyTimeoutMs: 5_000,
  fetchSize: 100,
}

async function fill(pool: DriverPool, engine: Engine): Promise<void> {
  const write = async (sql: string, params: readonly unknown[] = []) => pool.query({ sql, params, access: 'write' })
  for (const sql of scatteredSchema(engine)) await write(sql)
  const rows = scatteredRows(engine)
  const columns = Object.keys(rows[0]!)
  const insert = async (table: string, list: typeof rows): Promise<void> => {
    for (let from = 0; from < list.length; from += 100) {
      const chunk = list.slice(from, from + 100)
      let number = 0
      const mark = () => (engine === 'postgres' ? `$${++number}` : '?')
      const values = chunk.map(() => `(${columns.map(mark).join(', ')})`).join(', ')
      await write(
        `insert into ${table} (${columns.join(', ')}) values ${values}`,
        chunk.flatMap((row) => columns.map((column) => row[column])),
      )
    }
  }
  await insert('item', rows)
  for (let part = 0; part < parts; part++) {
    // The last part has rows of few groups only.
    await insert(
      `item_${part + 1}`,
      rows.filter((_, i) => (i % 97 === 0 ? 3 : i % (parts - 1)) === part),
    )
  }
}

/** A value that compares exactly, but for floats and what a collation takes for equal. */
function comparable(value: unknown, field: Field, engine: Engine): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (typeof value === 'bigint') return `${value}n`
  // What the driver read of JSON. The order of an object's members is that of the rows, which is not defined.
  if (typeof value === 'object' && value !== null)
    return JSON.stringify(Array.isArray(value) ? value : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  const type = typeOfField(field)
  if (engine === 'postgres' && (type === 701 || type === 700) && value !== null) return Number(value)
  // The first row of a group gives its key the case and the accents: any is right.
  if (typeof value === 'string' && (engine !== 'postgres' || field.name === 'k'))
    return value.normalize('NFD').replaceAll(/\p{M}/gu, '').replaceAll('ß', 'ss').toLowerCase().trimEnd()
  return value
}

function isClose(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return Object.is(a, b)
  return a === b || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b))
}

const sortText = (row: readonly unknown[]): string =>
  JSON.stringify(row.map((value) => (typeof value === 'number' ? value.toPrecision(6) : value)))

/** What differs between two answers, or an empty text. */
function difference(whole: DriverResult, made: DriverResult, ordered: boolean, engine: Engine): string {
  const names = (result: DriverResult) => result.fields.map(({ name }) => name).join('|')
  if (names(whole) !== names(made)) return `names ${names(whole)} — ${names(made)}`
  const types = (result: DriverResult) => result.fields.map(typeOfField).join(' ')
  if (types(whole) !== types(made)) return `types ${types(whole)} — ${types(made)}`
  if (whole.rows.length !== made.rows.length) return `${whole.rows.length} rows — ${made.rows.length}`
  const rowsOf = ({ rows, fields }: DriverResult) => {
    const list = (rows as readonly (readonly unknown[])[]).map((row) =>
      row.map((v, i) => comparable(v, fields[i]!, engine)),
    )
    return ordered ? list : list.toSorted((a, b) => (sortText(a) < sortText(b) ? -1 : 1))
  }
  const made_ = rowsOf(made)
  const different = rowsOf(whole).findIndex((row, i) => !row.every((value, j) => isClose(value, made_[i]![j])))
  return different < 0 ? '' : `row ${different}: ${String(rowsOf(whole)[different])} — ${String(made_[different])}`
}

describe.each(testedEngines)('aggregates of scattered rows are the engine’s own: %s', (engine) => {
  let database: TestDatabase
  let pool: DriverPool

  beforeAll(async () => {
    database = await freshDatabase(engine)
    pool = await (await drivers[engine]()).open({ from: 'dsn', dsn: database.dsn }, limits)
    await fill(pool, engine)
  })
  afterAll(async () => {
    await pool.close()
    await database.drop()
  })

  async function check(statement: ScatteredStatement, by?: FinishedBy): Promise<string> {
    const [written, ...params] = typeof statement === 'string' ? [statement] : statement
    const plain = written.replace(/^~/, '')
    const sql = engine === 'postgres' ? plain : plain.replaceAll(/\$\d/g, '?')
    try {
      const whole = await pool.query({ sql, params, access: 'read', rowMode: 'raw' })
      const made = await finished(pool, sql, params, by)
      const what =
        'refused' in made ? `refused: ${made.refused}` : difference(whole, made, !written.startsWith('~'), engine)
      return what === '' ? '' : `${sql}\n   ${what}`
    } catch (error) {
      return `${sql}\n   ${(error as Error).message}`
    }
  }

  test('written by hand', async () => {
    const statements = statementsOf(engine)
    const wrong: string[] = []
    for (const statement of statements) wrong.push(await check(statement))
    expect(wrong.filter((each) => each !== '').join('\n')).toBe('')
    expect(statements.length).toBeGreaterThanOrEqual(80)
  })

  test('written by hand, by way of a temporary table', async () => {
    const wrong: string[] = []
    for (const statement of statementsOf(engine)) wrong.push(await check(statement, 'temporary table'))
    expect(wrong.filter((each) => each !== '').join('\n')).toBe('')
  }, 60_000)

  test('refuses what the values or the columns do not allow', async () => {
    const statements: Readonly<Record<Engine, readonly (readonly [sql: string, why: string])[]>> = {
      postgres: [
        ['select count(*), (i, b) from item group by (i, b)', 'a row value'],
        // `f` is a column, too, and so what is grouped by.
        ['select date_trunc($1, ts) as f, count(*) from item group by f', 'the name f in GROUP BY'],
      ],
      mysql: [
        ['select mood, count(*) from item group by mood', 'of type ENUM'],
        ['select word, count(*) as f from item group by word having f > 1', 'the name f in GROUP BY'],
        ['select group_concat(id order by mood) from item', 'of type ENUM'],
        ['select json_arrayagg(i > 3) from item', 'JSON_ARRAYAGG of an expression'],
        ["select json_extract(json_object('a', i), '$.a') as x, count(*) from item group by x", 'of type JSON'],
        ['select group_concat(z order by id) from item', 'GROUP_CONCAT of a ZEROFILL column'],
      ],
      sqlite: [
        ['select date(d) as f, count(*) from item group by f', 'the name f in GROUP BY'],
        ['select json_group_array(json(i)) from item', 'JSON_GROUP_ARRAY of an expression'],
        ["select json_group_array(i -> '$') from item", 'JSON_GROUP_ARRAY of an expression'],
      ],
    }
    for (const [sql, why] of statements[engine]) {
      expect(await finished(pool, sql, sql.includes('$1') ? ['month'] : []), sql).toEqual({
        refused: expect.stringContaining(why),
      })
    }
    const many = await finished(pool, 'select id, count(*) from item group by id', [], { limit: 1_000 })
    expect(many).toEqual({ refused: expect.stringContaining('2400 groups of all shards together') })
  })

  test('generated', async () => {
    const wrong: string[] = []
    for (const statement of generatedStatements(60)) wrong.push(await check(statement))
    expect(wrong.filter((each) => each !== '').join('\n')).toBe('')
  })
})
