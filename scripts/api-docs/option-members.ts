import { clientOptions, poolOptions } from '../../src/config-options.ts'
import type { OptionTable } from '../../src/option.ts'
import { noComment } from './doc-comment.ts'
import type { ApiMember } from './model.ts'

/** Types whose members are the options of a table, which says more about them than their type does. */
export const optionTables: Readonly<Record<string, OptionTable>> = {
  PoolLimits: poolOptions,
  ClientLimits: clientOptions,
}

/** The options as members, with default, range and unit. */
export function membersOfOptions(table: OptionTable): readonly ApiMember[] {
  return Object.entries(table).map(([name, { about, default: value, min, max, unit }]) => {
    const [usual, least, most] = [value, min, max].map((number) => number.toLocaleString('en'))
    const text = `${about} Default ${usual}; ${least} to ${most} ${unit}.`
    return { name, kind: 'property', signatures: [`${name}: number`], comment: { ...noComment, text } }
  })
}
