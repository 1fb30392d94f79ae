import * as fc from 'fast-check'
import type { Analysis } from '../../src/statement/analysis.ts'

/** Rows of the tables `t` and `u` that the random queries read; both have the columns `a`, `b` and `c`. */
export const randomQueryRows: readonly (readonly number[])[] = [0, 1, 2].flatMap((a) =>
  [0, 1, 2].flatMap((b) => [0, 1].map((c) => [a, b, c])),
)

/**
 * Random queries of one or two tables with all that decides whether a condition holds for every row: chains of AND and
 * OR, NOT, CASE, brackets, subqueries, joins of all kinds, unions.
 */
export function randomQuery(dialect: 'mysql' | 'sqlite'): fc.Arbitrary<string> {
  const joins = ['join', 'left join', 'cross join', 'right join', ',', ...(dialect === 'sqlite' ? ['full join'] : [])]
  const table = fc.constantFrom('t', 'u')
  const condition = randomCondition(dialect)
  return fc
    .tuple(
      table,
      fc.constantFrom(...joins),
      table,
      condition,
      fc.oneof(condition, fc.constant('1')),
      fc.constantFrom('', ' union all select x.a, x.b, x.c from u x where x.a = 1'),
    )
    .map(([first, join, second, on, where, union]) => {
      const joined = join === ',' ? `${first} x, ${second} y` : `${first} x ${join} ${second} y on ${on}`
      return `select x.a, y.b, count(*) over () as n from ${joined} where ${where}${union}`
    })
}

function randomCondition(dialect: 'mysql' | 'sqlite'): fc.Arbitrary<string> {
  const { condition } = fc.letrec<{ condition: string }>((tie) => {
    const both = fc.tuple(tie('condition'), tie('condition'))
    const own = dialect === 'mysql' ? ['xor', '||', '&&'] : ['or']
    return {
      condition: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        randomComparison(dialect),
        both.map(([l, r]) => `${l} and ${r}`),
        both.map(([l, r]) => `${l} and ${r}`),
        both.map(([l, r]) => `${l} or ${r}`),
        fc.tuple(both, fc.constantFrom(...own)).map(([[l, r], word]) => `${l} ${word} ${r}`),
        tie('condition').map((inner) => `(${inner})`),
        tie('condition').map((inner) => `not ${inner}`),
        tie('condition').map((inner) => `case when ${inner} then 1 else 0 end`),
        tie('condition').map((inner) => `exists (select 1 from u as z where ${inner})`),
      ),
    }
  })
  return condition
}

function randomComparison(dialect: 'mysql' | 'sqlite'): fc.Arbitrary<string> {
  const value = fc.constantFrom('0', '1', '2', 'null')
  const column = fc
    .tuple(fc.constantFrom('x', 'x', 'y'), fc.constantFrom('a', 'b', 'c'))
    .map((parts) => parts.join('.'))
  const list = dialect === 'sqlite' ? (row: string) => `(values ${row})` : (row: string) => `(${row})`
  const not = dialect === 'sqlite' ? 'is not 1' : 'is not true'
  return fc.tuple(column, column, value, value, fc.nat(9)).map(([c, d, v, w, shape]) => {
    const shapes = [
      `${c} = ${v}`,
      `${v} = ${c}`,
      `${c} in (${v}, ${w})`,
      `${c} between ${v} and ${w}`,
      `(${c}, ${d}) = (${v}, ${w})`,
      `(${c}, ${d}) in ${list(`(${v}, ${w})`)}`,
      `${c} = ${d}`,
      `${c} = ${v} = ${w}`,
      `${c} = ${v} ${not}`,
      `${c} is null`,
    ]
    return shapes[shape] ?? '1'
  })
}

/** The condition that the values of an analysis put on the rows of a table. */
export function restriction(values: Analysis['values'], table: string): string {
  const parts = values
    .filter((entry) => entry.table === table)
    .map(({ column, values: sources }) => {
      const literals = sources.map((source) => {
        if (source.from !== 'constant') throw new Error('The random queries hold constants only.')
        return String(source.value)
      })
      return `${column} in (${literals.join(', ')})`
    })
  return ['1', ...parts].join(' and ')
}
