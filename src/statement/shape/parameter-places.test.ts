import { expect, it } from 'vitest'
import { readParameterPlaces } from './parameter-places.ts'
import type { Dialect } from '../statement.ts'

/** The parameters that stand once, and those of them that share a list. */
function places(sql: string, dialect: Dialect): { readonly once: unknown[]; readonly lists: unknown[][] } {
  const { once, lists } = readParameterPlaces(sql, dialect)
  const groups = Map.groupBy(lists.keys(), (key) => lists.get(key))
  return { once: [...once], lists: [...groups.values()] }
}

it.each<readonly [Dialect, string, readonly unknown[], readonly unknown[][]]>([
  ['postgres', 'select 1 from t where a in ($1, 2, $3) and b = $2', [0, 2, 1], [[0, 2]]],
  ['postgres', 'select $1 from t where a in ($1, $2)', [1], [[1]]],
  ['postgres', 'select 1 from t where a in ($1::int, $2 :: int, $3::int)', [0, 1, 2], [[0, 2], [1]]],
  ['postgres', 'select 1 from t where a in ($1::numeric(3, 1), $2 + 1, -$3)', [0, 1, 2], [[1]]],
  ['postgres', 'select 1 from t where a = any ($1) and b = any (array[$2, $3])', [0, 1, 2], [[1, 2]]],
  ['postgres', 'select array[$1, $2], f($3, $4), (a, b) in (($5, $6)), row($7)', [0, 1, 2, 3, 4, 5, 6], []],
  ['postgres', "select '$1' from t where a in ($1, /* $2 */ $2)", [0, 1], [[0, 1]]],
  ['mysql', "select '?' from t where a in (?, ?) and b not in (?) -- ?", [0, 1, 2], [[0, 1], [2]]],
  ['mysql', 'select /*! ? */ 1 from t where a in (?)', [], []],
  ['sqlite', 'select ?1 from t where a in (?1, ?2, :n, @n, $m)', [1, 'm'], [[1, 'm']]],
  ['sqlite', 'select 1 from t where a in (?, (select ?))', [0, 1], [[0]]],
  ['sqlite', "select 1 from t where a in (?, 'unfinished", [], []],
])('%s: %s', (dialect, sql, once, lists) => {
  expect(places(sql, dialect)).toEqual({ once, lists })
})
