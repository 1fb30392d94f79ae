/** A table's name, with its schema where one is written. */
export interface TableName {
  readonly name: string
  readonly schema?: string | undefined
}

interface Rule<T> {
  readonly expression: RegExp
  readonly literals: number
  readonly qualified: boolean
  readonly value: T
}

/**
 * What is declared for tables, by name or glob (`*` = any run of characters, `?` = one).
 *
 * The most exact declaration wins: a full name before a glob, one with a schema before one without, more literal
 * characters before fewer, and at last the one declared first. Names are compared exactly, then without regard to case.
 *
 * @internal
 */
export class PatternMap<T> {
  readonly #exact = new Map<string, T>()
  readonly #exactFolded = new Map<string, T>()
  readonly #rules: readonly Rule<T>[]
  readonly #schemas: ReadonlySet<string>

  constructor(declared: Iterable<readonly [pattern: string, value: T]>) {
    const rules: Rule<T>[] = []
    const schemas = new Set<string>()
    for (const [pattern, value] of declared) {
      const [, schema] = /^([^.*?]+)\../.exec(pattern) ?? []
      if (schema !== undefined) schemas.add(schema)
      if (/[*?]/.test(pattern)) rules.push(ruleOf(pattern, value))
      else {
        this.#exact.set(pattern, value)
        const folded = pattern.toLowerCase()
        if (!this.#exactFolded.has(folded)) this.#exactFolded.set(folded, value)
      }
    }
    this.#schemas = schemas
    this.#rules = rules.sort((a, b) => Number(b.qualified) - Number(a.qualified) || b.literals - a.literals)
  }

  /** What is declared for a table, or `undefined`. */
  of(table: TableName): T | undefined {
    const full = fullName(table)
    return (
      this.named(table) ??
      this.#rules.find((rule) => rule.expression.test(rule.qualified ? (full ?? '') : table.name))?.value
    )
  }

  /** What is declared for a table by its name, not by a glob. */
  named(table: TableName): T | undefined {
    const full = fullName(table)
    return (
      (full === undefined ? undefined : (this.#exact.get(full) ?? this.#exactFolded.get(full.toLowerCase()))) ??
      this.#exact.get(table.name) ??
      this.#exactFolded.get(table.name.toLowerCase())
    )
  }

  /** All that is declared: names first, then globs, the most exact first. */
  *values(): Generator<T> {
    yield* this.#exact.values()
    for (const { value } of this.#rules) yield value
  }

  /** The schemas that declarations name, those of globs without a wildcard in it included. */
  schemas(): ReadonlySet<string> {
    return this.#schemas
  }

  get isEmpty(): boolean {
    return this.#exact.size === 0 && this.#rules.length === 0
  }
}

/** With its schema, if one is written. */
export function fullName({ schema, name }: TableName): string | undefined {
  return schema === undefined ? undefined : `${schema}.${name}`
}

function ruleOf<T>(pattern: string, value: T): Rule<T> {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return {
    expression: new RegExp(`^${source}$`, 'is'),
    literals: pattern.replace(/[*?]/g, '').length,
    qualified: pattern.includes('.'),
    value,
  }
}
