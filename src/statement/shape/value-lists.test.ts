import { expect, it } from 'vitest'
import { readParameterPlaces } from './parameter-places.ts'
import type { Dialect } from '../statement.ts'

/** Each list by the text from its operator on: its items with their marks; `-` for what is made of something else, too. */
function lists(sql: string, dialect: Dialect): Record<string, readonly string[]> {
  const { items } = readParameterPlaces(sql, dialect)
  return Object.fromEntries(
    [...items].map(([at, list]) => [
      sql.slice(at, sql.indexOf(' ', at)),
      list.items.map(({ tokens, mark }) =>
        mark === undefined ? '-' : `${tokens.map(({ start, end }) => sql.slice(start, end)).join(' ')} | ${mark}`,
      ),
    ]),
  )
}

it.each<readonly [Dialect, string, readonly string[]]>([
  ['sqlite', "a IN (1, -2, 'x''y', NULL, ?)", ['1 | integer', '- 2 |  integer', "'x''y' | '", 'NULL | NULL', '? | ?']],
  ['sqlite', 'a IN (b, f(1), 1 - 2, (select 1), - - 1)', ['-', '-', '-', '-', '-']],
  [
    'sqlite',
    'a IN (1.5, 1e3, 3000000000, 10000000000000000000)',
    ['1.5 | 1.5', '1e3 | 1e3', '3000000000 | bigint', '10000000000000000000 | 10000000000000000000'],
  ],
  ['mysql', "a IN (1, -- 2, 3)\n '4' /* , */, \"x\", 'a\\\\b')", ['1 | integer', "'4' | '", '-', '-']],
  [
    'mysql',
    "(a, b) IN ((1, 'x'), ROW(2, ?), (f(1), 2))",
    ["( 1 , 'x' ) | ( integer , ' )", 'ROW ( 2 , ? ) | ROW ( 2 , ? )', '-'],
  ],
  [
    'postgres',
    "a IN ('x'::text, $1 :: int, cast(7 as bigint), 1::numeric(3, 1))",
    [
      "'x' :: text | ' :: text",
      '$1 :: int | ? :: int',
      'cast ( 7 as bigint ) | CAST ( integer AS bigint )',
      '1 :: numeric ( 3 , 1 ) | integer :: numeric ( integer , integer )',
    ],
  ],
  [
    'postgres',
    "a IN (E'x', $$y$$, date '2024-01-01', (((1))))",
    ["E'x' | E'x'", '$$y$$ | $$y$$', '-', '( ( ( 1 ) ) ) | ( ( ( integer ) ) )'],
  ],
])('%s: %s', (dialect, condition, expected) => {
  const sql = `select 1 from t where ${condition} and true`
  expect(lists(sql, dialect)).toEqual({ IN: expected })
})

it('an array of values is a list, and an array parameter is none', () => {
  const sql =
    'select 1 from t where a = any (array[1, $1]) and b = any ($2) and c = some(array [2]) and d = f(array[3])'
  const { items } = readParameterPlaces(sql, 'postgres')
  expect([...items].map(([at, list]) => [sql.slice(at, at + 5), list.items.length])).toEqual([
    ['= any', 2],
    ['= som', 1],
  ])
})

it('nothing of a text that servers read in different ways', () => {
  expect(readParameterPlaces('select 1 from t where a in (1 /*! , 2 */)', 'mysql').items.size).toBe(0)
  expect(readParameterPlaces("select 1 from t where a in (1, 'x", 'mysql').items.size).toBe(0)
})
