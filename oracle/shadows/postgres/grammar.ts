import type { Grammar } from '../grammar.ts'
import type { ValueKind } from '../model.ts'

/** The plainest type of each kind of values. */
export const plainTypes: Readonly<Record<ValueKind, string>> = {
  int: 'integer',
  real: 'numeric',
  text: 'text',
  time: 'timestamp',
  mood: 'mood',
  any: 'text',
}

/** What PostgreSQL writes in its own way. */
export const postgresGrammar: Grammar = {
  isTyped: true,
  yes: 'true',
  no: 'false',
  comparisons: ['is not distinct from', 'is distinct from', '>', '<='],
  isSame: 'is not distinct from',
  differs: 'is distinct from',
  exact: '',
  sizeOf: (column) => `length(${column}::text)`,
  typeOf: (column) => `pg_typeof(${column})::text`,
  nullOf: (kind) => `null::${plainTypes[kind]}`,
  places: ['public.', 'PUBLIC.', '"public" . ', 'public./* c */'],
  conflictWords: [''],
  mayReplace: () => false,
  mayUpsert: () => true,
  returnsByName: false,
  namesArbiter: true,
  meetsInAnyOrder: true,
  takesDefault: true,
}
