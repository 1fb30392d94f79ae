import type { Analysis, AppearanceCondition, ValueSource } from '../../src/statement/analysis.ts'

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

/**
 * One line for each appearance: `place table: conditions; equalities; set columns`. A `~` stands before a condition that
 * is not certain, and the other table of an equality is given by its position, from 0.
 */
export function writtenAppearances({ appearances }: Analysis): string[] {
  return appearances.map(({ name, schema, place, conditions, equalities, assigned }) => {
    const said = [
      ...conditions.map(condition),
      ...equalities.map(({ column, other, otherColumn }) => `${column} = ${other}.${otherColumn}`),
      ...(assigned.length === 0 ? [] : [`set ${assigned.join(' ')}`]),
    ]
    return `${place} ${schema === undefined ? '' : `${schema}.`}${name}${said.length === 0 ? '' : `: ${said.join('; ')}`}`
  })
}
