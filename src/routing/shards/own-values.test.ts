import { expect, it } from 'vitest'
import { readParameterPlaces } from '../../statement/shape/parameter-places.ts'
import type { ValueSource } from '../../statement/analysis.ts'
import { customShards } from '../shard-maps/custom-shards.ts'
import type { KeyColumnPin } from './key-pins.ts'
import { ownedLists, ownValues } from './own-values.ts'

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
