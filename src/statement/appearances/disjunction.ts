import type { ValueSource } from '../analysis.ts'
import type { Conjuncts, FoundConjuncts, Match, Restriction } from './conjuncts.ts'
import type { ColumnReference } from './origin.ts'

/**
 * Adds what holds wherever one of several conditions is true: a column that each of them restricts has one of all their
 * values, and columns that are equal in each of them are equal. A condition that says nothing of a column leaves it open.
 *
 * A column must be written the same way in all of them: another spelling might be another table's.
 */
export function addAnyOf(branches: readonly Conjuncts[], found: FoundConjuncts): void {
  const [first, ...others] = branches
  if (first === undefined) return
  const restricted = others.map(({ restrictions }) => smallest(restrictions))
  for (const [key, restriction] of smallest(first.restrictions)) {
    const all = [restriction, ...restricted.flatMap((each) => each.get(key) ?? [])]
    if (all.length < branches.length) continue
    const values = new Map(all.flatMap((each) => each.values).map((value) => [sourceKey(value), value]))
    const isOne = values.size === 1 && all.every(({ operator }) => operator === 'equals')
    const operator = isOne ? 'equals' : 'in'
    found.restrictions.push({ column: restriction.column, operator, values: [...values.values()] })
  }
  const matched = others.map(({ matches }) => new Set(matches.map(matchKey)))
  for (const match of first.matches) if (matched.every((each) => each.has(matchKey(match)))) found.matches.push(match)
}

/** For each column the restriction with the fewest values, all of which are known. */
function smallest(restrictions: readonly Restriction[]): Map<string, Restriction> {
  const best = new Map<string, Restriction>()
  for (const restriction of restrictions) {
    if (restriction.values.some(({ from }) => from === 'expression')) continue
    const key = columnKey(restriction.column)
    const known = best.get(key)
    if (known === undefined || size(restriction) < size(known)) best.set(key, restriction)
  }
  return best
}

function size({ operator, values }: Restriction): number {
  return operator === 'equals' ? 0 : values.length + (values.some(({ from }) => from === 'array-parameter') ? 1_000 : 0)
}

function columnKey({ schema, qualifier, column }: ColumnReference): string {
  return JSON.stringify([schema, qualifier, column])
}

function matchKey({ left, right }: Match): string {
  return [columnKey(left), columnKey(right)].toSorted().join('=')
}

/** Equal for sources that give the same value. */
export function sourceKey(source: ValueSource): string {
  if (source.from === 'parameter' || source.from === 'array-parameter') return `${source.from} ${source.index}`
  if (source.from === 'named') return `named ${source.name}`
  if (source.from === 'constant') return `${typeof source.value} ${String(source.value)}`
  return source.from
}
