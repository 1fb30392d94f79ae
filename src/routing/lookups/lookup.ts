import type { TableHome, TableName } from '../../topology/table-map.ts'
import { canonicalValue } from '../shard-maps/key-type.ts'

/** What a column that is looked up can hold: types whose canonical texts a database can find again by `=`. */
export const lookupTypes = ['integer', 'text', 'caseless-text', 'uuid', 'bytes'] as const

/** The type of a column that is looked up; {@link LookupInput} says what each of them takes for equal. */
export type LookupType = (typeof lookupTypes)[number]

/** A unique column of a sharded table, for whose values a control database knows the shard key. */
export interface Lookup {
  /** `customer.email`: in messages, and in the tables of the index. */
  readonly name: string
  /** The table as it is declared, perhaps with its schema. */
  readonly table: TableName
  readonly column: string
  /** The alias of the sharded database. */
  readonly database: string
  /** The alias of the database that has the entries. */
  readonly control: string
  readonly type: LookupType
  readonly shardKey: readonly string[]
  /** An INSERT that does not name the column stores NULL in it. */
  readonly absentIsNull: boolean
  /** How long a write waits for the transactions of others on the same value. */
  readonly waitMs: number
}

/** The declared lookups. */
export class LookupMap {
  readonly #all: readonly Lookup[]
  readonly #byPattern: ReadonlyMap<string, readonly Lookup[]>

  constructor(lookups: readonly (Lookup & { readonly pattern: string })[]) {
    this.#all = lookups
    this.#byPattern = Map.groupBy(lookups, ({ pattern }) => pattern)
  }

  get all(): readonly Lookup[] {
    return this.#all
  }

  /** Those of the tables of a sharded database. */
  in(database: string): readonly Lookup[] {
    return this.#all.filter((lookup) => lookup.database === database)
  }

  /** Those of the table that has this home. */
  of({ pattern }: TableHome): readonly Lookup[] {
    return this.#byPattern.get(pattern) ?? []
  }

  named(name: string): Lookup | undefined {
    return this.#all.find((lookup) => lookup.name === name)
  }
}

/** Entries have no longer values: an index over them must fit on each engine. */
export const longestValue = 255

/**
 * The text under which a value has its entry, the same for all that the database thinks equal; `undefined` if it cannot have one. A
 * condition on such a value may be true of a row all the same, if the database converts it.
 */
export function valueText(type: LookupType, value: unknown): string | undefined {
  const text = canonicalValue(type, value)
  return text === undefined || text.length > longestValue ? undefined : text
}

/**
 * The same for a value that is written. Refused, as `undefined`, is also what the database may store in a form in which `=` finds it
 * no more by its text: blanks at the end, a UUID in another spelling.
 */
export function writtenText(type: LookupType, value: unknown): string | undefined {
  const text = valueText(type, value)
  if (text === undefined || typeof value !== 'string') return text
  const stored = type === 'caseless-text' ? value.toLowerCase() : value
  return stored === text ? text : undefined
}

/** How a written value must be, for messages. */
export const valueForms: Readonly<Record<LookupType, string>> = {
  integer: 'a whole number, as text without zeros or blanks around it',
  text: `a text of at most ${longestValue} characters without blanks at its end`,
  'caseless-text': `a text of at most ${longestValue} printable ASCII characters without blanks at its end`,
  uuid: 'a UUID as its 16 bytes, or as text in small letters with hyphens',
  bytes: 'a Uint8Array of at most 127 bytes',
}
