import type { Analysis, TableUse } from '../statement/analysis.ts'
import type { ShadowKind } from '../topology/shadow.ts'
import type { TableMap } from '../topology/table-map.ts'
import type { Database } from '../topology/topology.ts'
import { isSystemTable, nameOf } from './home.ts'
import type { Reason } from './route.ts'

type Access = TableUse['access']

/** On a shadow: where the rows of each table come from, and what is changed; as the configuration says. Of other databases nothing. */
export function shadowReasons(
  { alias, shadow }: Database,
  { tables, dialect }: Analysis,
  homes: TableMap,
): readonly Reason[] {
  if (shadow === undefined) return []
  const groups = new Map<string, Set<string>>()
  for (const use of tables) {
    if (isSystemTable(use, dialect, homes)) continue
    const text = textOf(shadow.kinds.of(use) ?? 'base', use.access, alias, shadow.base)
    groups.set(text, (groups.get(text) ?? new Set()).add(nameOf(use)))
  }
  return [...groups].map(([text, names]) => ({ rule: 'shadow', text: `${[...names].join(', ')}: ${text}` }))
}

function textOf(kind: ShadowKind, access: Access, shadow: string, base: string): string {
  const texts: Readonly<Record<ShadowKind, Readonly<Record<Access, string>>>> = {
    augment: {
      read: `rows of "${base}", with the local ones of "${shadow}" laid over them`,
      write: `local rows of "${shadow}" are changed; rows of "${base}" that the statement meets are copied first`,
    },
    replace: {
      read: `local rows of "${shadow}" alone`,
      write: `local rows of "${shadow}" are changed`,
    },
    base: {
      read: `rows of "${base}" as they are`,
      write: `refused if "${base}" has it, which is never written`,
    },
  }
  return texts[kind][access]
}
