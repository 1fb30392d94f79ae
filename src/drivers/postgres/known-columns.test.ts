import pg from 'pg'
import { expect, it } from 'vitest'
import { KnownColumns, type BuiltResult } from './known-columns.ts'

/** What `pg` reads rows with. */
interface Reading extends BuiltResult {
  parseRow(texts: readonly (string | null)[]): unknown
}

const own = pg as unknown as { readonly Result: new (mode: string | undefined, types: unknown) => Reading }

function field(name: string, dataTypeID: number): pg.FieldDef {
  return { name, tableID: 0, columnID: 0, dataTypeID, dataTypeSize: 4, dataTypeModifier: -1, format: 'text' }
}

const fields = [field('id', 23), field('name', 25), field('id', 1700)]

it.each([undefined, 'array'])('prepares a result as pg does, however often (%s)', (mode) => {
  const known = new KnownColumns(fields)
  for (let n = 0; n < 200; n++) {
    const [one, other] = [new own.Result(mode, pg.types), new own.Result(mode, pg.types)]
    known.describe(one)
    other.addFields(fields)
    const texts = [String(n), n % 7 === 0 ? null : `name ${n}`, '1.5']
    expect(one.parseRow(texts)).toEqual(other.parseRow(texts))
    expect(one.fields).toEqual(other.fields)
  }
})

it('leaves results of parsers that are not known, and of other classes, to these', () => {
  const known = new KnownColumns(fields)
  const plain = new own.Result(undefined, undefined)
  for (let n = 0; n < 3; n++) known.describe(plain)
  expect(plain.parseRow(['1', 'a', '2'])).toEqual({ id: '2', name: 'a' })
  const given: unknown[] = []
  const foreign = { _types: pg.types, addFields: (columns: unknown): void => void given.push(columns) }
  for (let n = 0; n < 3; n++) known.describe(foreign)
  expect(given).toEqual([fields, fields, fields])
})

it('are like others with the same names in the same order', () => {
  const known = new KnownColumns(fields)
  expect(known.areLike([field('id', 20), field('name', 20), field('id', 20)])).toBe(true)
  expect(known.areLike(fields.slice(1))).toBe(false)
  expect(known.areLike([field('name', 25), field('id', 23), field('id', 1700)])).toBe(false)
})
