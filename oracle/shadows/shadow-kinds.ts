import type { ShadowKind } from '../../src/topology/shadow.ts'
import type { Choices } from '../choices.ts'
import type { ModelTable } from './model.ts'

/** How a shadow shows the tables of a world. A replaced table may be referred to by replaced ones alone. */
export function shadowKinds(
  choices: Choices,
  tables: readonly Pick<ModelTable, 'name' | 'foreignKeys'>[],
): readonly ShadowKind[] {
  const kinds = tables.map(() => choices.pick(['augment', 'augment', 'augment', 'augment', 'base', 'replace'] as const))
  if (!kinds.includes('augment')) kinds[0] = 'augment'
  for (let changed = true; changed;) {
    changed = false
    for (const [i, { foreignKeys }] of tables.entries())
      for (const { table } of foreignKeys) {
        const parent = tables.findIndex(({ name }) => name === table)
        if (kinds[i] === 'replace' || kinds[parent] !== 'replace') continue
        kinds[parent] = 'augment'
        changed = true
      }
  }
  return kinds
}
