import { expect, it } from 'vitest'
import { readParameterPlaces } from '../../statement/shape/parameter-places.ts'
import type { ValueSource } from '../../statement/analysis.ts'
import { customShards } from '../shard-maps/custom-shards.ts'
import type { KeyColumnPin } from './key-pins.ts'
import { keysOf } from './pinned-keys.ts'
import { ownedLists, ownText, ownValues } from './own-values.ts'

const parameters = (...indexes: readonly number[]): ValueSource[] =>
  indexes.map((index) => ({ from: 'parameter', index }))
const list = (values: readonly ValueSource[]): KeyColumnPin => ({ operator: 'in', values, isOwn: true })

it('of a key of several columns, a value stays where it can be part of a key of the shard', () => {
  // The sum of both columns says where a row lives.
  const map = customShards({
    key: ['integer', 'integer'],
    version: 'sum',
    shardOf: ([region, tenant]) => (Number(region) + Number(tenant) > 20 ? 'b' : 'a'),
  }).bind(['a', 'b'])
  const sql = 'select 1 from t where region in ($1, $2, $3) and tenant in ($4, $5)'
  const pin = { table: 't', columns: [list(parameters(0, 1, 2)), list(parameters(3, 4))] }
  const given = [1, 2, 15, 3, 8]
  const lists = ownedLists([pin], given, (key) => map.shardOf(key))
  const own = (shard: string): unknown => ownValues(lists, readParameterPlaces(sql, 'postgres'), shard, given)
  expect(own('a')).toEqual([1, 2, 15, 3, 8])
  expect(own('b')).toEqual([15, 15, 15, 8, 8])
  expect(given).toEqual([1, 2, 15, 3, 8])
})

it('changes no list but those of the table’s own column', () => {
  const map = customShards({ key: 'integer', version: '1', shardOf: (key) => (Number(key) > 1 ? 'b' : 'a') }).bind([
    'a',
    'b',
  ])
  const pins = [{ table: 't', columns: [{ ...list(parameters(0, 1)), isOwn: false }] }]
  expect(ownedLists(pins, [1, 2], (key) => map.shardOf(key))).toEqual([])
})

/** Odd keys are of shard `a`, even ones of `b`. */
const parity = customShards({
  key: 'integer',
  version: 'parity',
  shardOf: (key) => (Number(key) % 2 === 0 ? 'b' : 'a'),
}).bind(['a', 'b'])

/** What is sent to each shard of a list of these values in front of the mark `§`, which is taken out. */
function sent(marked: string, values: readonly ValueSource[], given: readonly unknown[] = []): Record<string, unknown> {
  const at = marked.indexOf('§')
  const sql = marked.replace('§', '')
  const lists = ownedLists([{ table: 't', columns: [{ ...list(values), at }] }], given, (key) => parity.shardOf(key))
  const places = readParameterPlaces(sql, 'postgres')
  const textOf = (shard: string): unknown => {
    const text = ownText(sql, lists, places, shard)
    expect(text).toHaveLength(sql.length)
    return text.replaceAll(/ +/g, ' ').replaceAll(' ,', ',')
  }
  return {
    a: [textOf('a'), ownValues(lists, places, 'a', given)],
    b: [textOf('b'), ownValues(lists, places, 'b', given)],
  }
}

const constants = (...values: readonly (number | string | null)[]): ValueSource[] =>
  values.map((value) => ({ from: 'constant', value }))

it('a list of constants loses the foreign ones, each with a comma, and comments stay where they are', () => {
  expect(sent('k §in (1, 2, 3, 4)', constants(1, 2, 3, 4))).toEqual({
    a: ['k in (1, 3 )', []],
    b: ['k in ( 2, 4)', []],
  })
  expect(sent('k §in (/* 1 */ 1, -- 2\n 2 /* of 2 */ , 3)', constants(1, 2, 3))).toEqual({
    a: ['k in (/* 1 */ 1 -- 2\n /* of 2 */, 3)', []],
    b: ['k in (/* 1 */ -- 2\n 2 /* of 2 */ )', []],
  })
  expect(sent('k §= any (array[-2, -1]) and f(1, 2)', constants(-2, -1))).toEqual({
    a: ['k = any (array[ -1]) and f(1, 2)', []],
    b: ['k = any (array[-2 ]) and f(1, 2)', []],
  })
})

it('of each kind of constants one stays, because the types of the others may hang on it', () => {
  expect(sent("k §in (1, '2', 3, '4', 5000000000)", constants(1, '2', 3, '4', 5_000_000_000))).toEqual({
    a: ["k in (1, '2', 3, 5000000000)", []],
    b: ["k in (1, '2', '4', 5000000000)", []],
  })
  expect(sent('k §in (1, null, 3)', constants(1, null, 3))).toMatchObject({ b: ['k in (1, null )', []] })
})

it('beside parameters, which get values', () => {
  const values: ValueSource[] = [...constants(1, 2), ...parameters(0, 1), ...constants(4)]
  expect(sent('k §in (1, 2, $1, $2, 4)', values, [3, 6])).toEqual({
    a: ['k in (1, $1, $2 )', [3, 3]],
    b: ['k in ( 2, $1, $2, 4)', [6, 6]],
  })
})

it('of rows, values of two are never mixed', () => {
  expect(
    sent(
      "(k, x) §in (($1, $2), ($3, $4), (1, 'a'), (2, 'b'), ($5, 'c'))",
      [...parameters(0, 2), ...constants(1, 2), ...parameters(4)],
      [1, 'one', 2, 'two', 3],
    ),
  ).toEqual({
    a: ["(k, x) in (($1, $2), ($3, $4), (1, 'a'), ($5, 'c'))", [1, 'one', 1, 'one', 3]],
    b: ["(k, x) in (($1, $2), ($3, $4), (2, 'b'), ($5, 'c'))", [2, 'two', 2, 'two', 3]],
  })
  expect(sent('(k, x) §in (($1, 7), ($2, 8), ($3, 7))', parameters(0, 1, 2), [1, 2, 4])).toEqual({
    a: ['(k, x) in (($1, 7), ($2, 8), ($3, 7))', [1, 2, 1]],
    b: ['(k, x) in (($1, 7), ($2, 8), ($3, 7))', [4, 2, 4]],
  })
})

it('nothing is taken out of what is understood in another way than before', () => {
  expect(sent('k §in (1, 2, 3)', constants(1, 2))).toEqual({ a: ['k in (1, 2, 3)', []], b: ['k in (1, 2, 3)', []] })
  expect(sent('k § in (1, 2)', constants(1, 2))).toEqual({ a: ['k in (1, 2)', []], b: ['k in (1, 2)', []] })
})

it('of a key of several columns the listed rows are looked for, and no other combinations', () => {
  const map = customShards({
    key: ['integer', 'integer'],
    version: 'sum',
    shardOf: ([region, tenant]) => `s${Number(region) + Number(tenant)}`,
  }).bind(['s2', 's3', 's4'])
  const sql = 'select 1 from t where (region, tenant) in ((1, 1), (1, 3), ($1, $2), (2, 2), (null, 1))'
  const at = sql.indexOf('in')
  const columns = [
    { ...list([...constants(1, 1), ...parameters(0), ...constants(2, null)]), at },
    { ...list([...constants(1, 3), ...parameters(1), ...constants(2, 1)]), at },
  ]
  const pin = { table: 't', columns }
  expect(keysOf(pin, [2, 2])).toEqual([
    [1, 1],
    [1, 3],
    [2, 2],
    [2, 2],
  ])
  const elsewhere = columns.map((column, place) => ({ ...column, at: place }))
  expect(keysOf({ table: 't', columns: elsewhere }, [2, 2])).toHaveLength(20)
  const lists = ownedLists([pin], [2, 2], (key) => map.shardOf(key))
  const text = ownText(sql, lists, readParameterPlaces(sql, 'postgres'), 's4')
  expect(text).toBe('select 1 from t where (region, tenant) in (        (1, 3), ($1, $2), (2, 2), (null, 1))')
})
