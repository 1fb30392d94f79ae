import { LookupMap } from '../lookups/lookup.ts'
import { expect, test } from 'vitest'
import type { ValueSource } from '../../statement/analysis.ts'
import { createSqliteAnalyzer } from '../../statement/sqlite.ts'
import { TableMap } from '../../topology/table-map.ts'
import { rangeShards } from '../shard-maps/range-shards.ts'
import { chooseShards } from './choose-shards.ts'
import type { KeyRangePin } from './key-pins.ts'
import { shardsOfRanges } from './key-ranges.ts'
import { shardPlan } from './shard-plan.ts'

const names = ['a', 'b', 'c']
const map = rangeShards({
  key: ['binary-text', 'integer'],
  ranges: [{ to: ['eu', 10], shard: 'a' }, { to: ['us'], shard: 'b' }, { shard: 'c' }],
}).bind(names)

const value = (given: string | number | null): ValueSource => ({ from: 'constant', value: given })
const bound = (given: string | number | null, inclusive = true) => ({ value: value(given), inclusive })

function pin(leading: readonly string[], ends: Pick<KeyRangePin, 'from' | 'to'> = {}): KeyRangePin {
  return { table: 't', leading: leading.map(value), ...ends }
}

test.each<readonly [string, readonly KeyRangePin[], string]>([
  ['the first column alone', [pin(['eu'])], 'a,b'],
  ['the first column alone, on one shard', [pin(['ua'])], 'b'],
  ['a range of the first column', [pin([], { to: bound('eu', false) })], 'a'],
  ['a range behind a value', [pin(['eu'], { from: bound(10) })], 'b'],
  ['a range behind a value, without its bound', [pin(['eu'], { to: bound(10, false) })], 'a'],
  ['two ranges', [pin([], { from: bound('eu') }), pin([], { to: bound('ff') })], 'a,b'],
  ['an empty one', [pin([], { from: bound('x'), to: bound('b') })], ''],
  ['what cannot be a key', [pin(['eu'], { from: bound('x') })], 'a,b,c'],
  ['NULL', [pin(['eu'], { from: bound(null) })], 'a,b,c'],
  [
    'a parameter that is missing',
    [pin([], { from: { value: { from: 'parameter', index: 3 }, inclusive: true } })],
    'a,b,c',
  ],
])('which shards a range of a key of two columns leads to: %s', (_, ranges, shards) => {
  expect(shardsOfRanges(ranges, [], map).join()).toBe(shards)
})

const analyzer = createSqliteAnalyzer()
const tables = new TableMap(
  ['slot', 'tenant'].map((pattern) => ({
    pattern,
    database: 'd',
    kind: 'sharded' as const,
    shardKey: ['region', 'id'],
  })),
)

function shardsOf(sql: string, params: readonly unknown[], allShards = false): string {
  const plan = shardPlan({
    analysis: analyzer.analyze(sql),
    sql,
    effect: sql.startsWith('s') ? 'read' : 'write',
    database: 'd',
    tables,
    lookups: new LookupMap([]),
  })
  return chooseShards(plan, params, { allShards }, { database: 'd', shards: names, map }).shards.join()
}

test.each<readonly [string, readonly unknown[], string]>([
  ["select * from tenant where region = 'eu' and id between ? and ?", [1, 5], 'a'],
  ["select * from tenant where region = 'eu'", [], 'a,b'],
  ['select * from tenant where id > 4', [], 'a,b,c'],
  ["select * from tenant where (region, id) in (select region, id from slot where region = 'eu' and id = 12)", [], 'b'],
  ["insert into slot (region, id, n) select 'eu', t.id, 1 from tenant t where t.region = 'eu' and t.id = ?", [12], 'b'],
  [
    "insert into slot (region, id, n) select 'eu', t.id, 1 from tenant t where t.region = 'eu' and t.id in (3, 4)",
    [],
    'a',
  ],
])('where a statement on a key of two columns runs: %s', (sql, params, shards) => {
  expect(shardsOf(sql, params)).toBe(shards)
})

test('a row that is inserted has no value of a column that is open', () => {
  const open = "insert into slot (region, id) select 'eu', t.n from tenant t where t.region = 'eu' and t.id = 3"
  expect(() => shardsOf(open, [], true)).toThrow('need not have the shard key')
})
