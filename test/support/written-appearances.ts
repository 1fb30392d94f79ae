import type { Analysis, AppearanceCondition, AppearanceRange, ValueSource } from '../../src/statement/analysis.ts'

function source(value: ValueSource): string {
  if (value.from === 'parameter') return `$${value.index + 1}`
  if (value.from === 'array-parameter') return `each of $${value.index + 1}`
  if (value.from === 'named') return `:${value.name}`
  if (value.from === 'expression') return '?'
  return typeof value.value === 'bigint' ? `${value.value}n` : JSON.stringify(value.value)
}

function condition({ column, operator, values, certain }: AppearanceCondition): string {
  return `${certain ? '' : '~'}${column} ${operator} ${values.map(source).join(' ')}`
}

function range({ column, from, to, certain }: AppearanceRange): string {
  const bounds = [
    ...(from === undefined ? [] : [`${from.inclusive ? '>=' : '>'} ${source(from.value)}`]),
    ...(to === undefined ? [] : [`${to.inclusive ? '<=' : '<'} ${source(to.value)}`]),
  ]
  return `${certain ? '' : '~'}${column} ${bounds.join(' ')}`
}

/**
 * One line for each appearance: `place table: conditions; ranges; equalities; set columns`. A `~` stands before what is not
 * certain, and the other table of an equality is given by its position, from 0.
 */
export function writtenAppearances({ appearances }: Analysis): string[] {
  return appearances.map(({ name, schema, place, conditions, ranges, equalities, assigned, taken = [] }) => {
    const said = [
      ...conditions.map(condition),
      ...ranges.map(range),
      ...equalities.map(
        ({ column, other, otherColumn, certain, unlessNull }) =>
          `${certain ? '' : '~'}${column} = ${other}.${otherColumn}${unlessNull === true ? ' unless null' : ''}`,
      ),
      ...taken.map(
        ({ column, sources }) =>
          `${column} of ${sources.map(({ other, otherColumn, certain }) => `${certain ? '' : '~'}${other}.${otherColumn}`).join(' ')}`,
      ),
      ...(assigned.length === 0 ? [] : [`set ${assigned.join(' ')}`]),
    ]
    return `${place} ${schema === undefined ? '' : `${schema}.`}${name}${said.length === 0 ? '' : `: ${said.join('; ')}`}`
  })
}
