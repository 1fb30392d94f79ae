import type { ColumnValues, FunctionUse, Span, TableAppearance, TableUse, ValueSource } from '../analysis.ts'
import { sourceKey } from '../appearances/disjunction.ts'
import type { InsertedColumns } from '../appearances/inserted-columns.ts'
import type { JoinLevel } from '../appearances/join-level.ts'
import { tableEntry, type TableEntry } from '../appearances/table-entry.ts'

/** The name of a table, and where it stands. */
interface TableName {
  readonly name: string
  readonly schema: string | undefined
  readonly span: Span
}

/** One place in the text where a table is named. */
export interface Appearance extends TableName {
  access: 'read' | 'write'
  /** False where the name only points at a table that appears elsewhere too (`DELETE t FROM t …`). */
  readonly touchesRows: boolean
  readonly conditions: Condition[]
  readonly entry: TableEntry
}

/** A condition that holds for every row of one appearance of a table. */
export interface Condition {
  readonly column: string
  readonly operator: 'equals' | 'in'
  readonly values: readonly ValueSource[]
}

/** What a walk over the tokens of a text collects. */
export class Findings {
  readonly #appearances: Appearance[] = []
  readonly #functions = new Map<string, FunctionUse>()
  readonly #inserted: ColumnValues[] = []

  /** Query levels; those further out come first. */
  readonly levels: JoinLevel[] = []
  readonly inserts: InsertedColumns[] = []

  /** @param place Of a table that is read: one that is written is always a target. */
  addTable(
    { name, schema, span }: TableName,
    access: 'read' | 'write',
    place: TableAppearance['place'] = 'from',
    touchesRows = true,
  ): Appearance {
    const entry = tableEntry(name, schema, span.start, place)
    const appearance: Appearance = { name, schema, span, access, touchesRows, conditions: [], entry }
    this.#appearances.push(appearance)
    return appearance
  }

  addFunction(name: string, schema: string | undefined): void {
    const folded = name.toLowerCase()
    const key = schema === undefined ? folded : `${schema}\0${folded}`
    if (!this.#functions.has(key))
      this.#functions.set(key, schema === undefined ? { name: folded } : { name: folded, schema })
  }

  addInserted(table: Appearance, column: string, values: readonly ValueSource[]): void {
    this.#inserted.push(columnValues(table, column, 'insert', values))
    table.entry.conditions.push({ column, operator: 'insert', values, certain: true })
  }

  /** Nothing is changed by what was found since there were `count` appearances: the statement is only explained. */
  onlyRead(count: number): void {
    for (const appearance of this.#appearances.slice(count)) {
      if (appearance.access === 'write') appearance.entry.place = 'target'
      appearance.access = 'read'
    }
  }

  /** The places where rows are read or changed; names that only point at one of them are left out. */
  entries(): TableEntry[] {
    return this.#appearances
      .filter(({ touchesRows }) => touchesRows)
      .map(({ entry, access }) => {
        if (access === 'write') entry.place = 'target'
        return entry
      })
  }

  get functions(): readonly FunctionUse[] {
    return [...this.#functions.values()]
  }

  get appearances(): readonly Appearance[] {
    return this.#appearances
  }

  /** Tables in the order of their first appearance, each once for each kind of access. */
  tables(): TableUse[] {
    const uses = new Map<
      string,
      { name: string; schema: string | undefined; access: 'read' | 'write'; spans: Span[] }
    >()
    for (const { name, schema, access, span } of this.#inOrder()) {
      const key = `${schema ?? ''}\0${name}\0${access}`
      const use = uses.get(key)
      if (use === undefined) uses.set(key, { name, schema, access, spans: [span] })
      else use.spans.push(span)
    }
    return [...uses.values()].map(({ name, schema, access, spans }) =>
      schema === undefined ? { name, access, spans } : { name, schema, access, spans },
    )
  }

  /**
   * Conditions and inserted rows. A table that appears several times is restricted only in a column that every
   * appearance restricts, and then to all their values together. Names are compared without schema and case here,
   * because `t`, `T` and `shop.t` may be one table.
   */
  values(): ColumnValues[] {
    const groups = new Map<string, Appearance[]>()
    for (const appearance of this.#inOrder()) {
      if (!appearance.touchesRows) continue
      const key = appearance.name.toLowerCase()
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [appearance])
      else group.push(appearance)
    }
    const result: ColumnValues[] = []
    for (const group of groups.values()) {
      const [first, ...others] = group
      if (first === undefined) continue
      for (const condition of first.conditions) {
        const joined = others.length === 0 ? condition : joinConditions(condition, others)
        if (joined !== undefined) result.push(columnValues(first, joined.column, joined.operator, joined.values))
      }
    }
    return [...result, ...this.#inserted]
  }

  #inOrder(): readonly Appearance[] {
    return this.#appearances.sort((a, b) => a.span.start - b.span.start)
  }
}

function columnValues(
  table: Appearance,
  column: string,
  operator: ColumnValues['operator'],
  values: readonly ValueSource[],
): ColumnValues {
  return table.schema === undefined
    ? { table: table.name, column, operator, values }
    : { table: table.name, schema: table.schema, column, operator, values }
}

function joinConditions(condition: Condition, others: readonly Appearance[]): Condition | undefined {
  const column = condition.column.toLowerCase()
  const values = new Map<string, ValueSource>()
  for (const value of condition.values) values.set(sourceKey(value), value)
  for (const other of others) {
    const match = other.conditions.find((candidate) => candidate.column.toLowerCase() === column)
    if (match === undefined) return undefined
    for (const value of match.values) values.set(sourceKey(value), value)
  }
  const operator = values.size === 1 ? condition.operator : 'in'
  return { column: condition.column, operator, values: [...values.values()] }
}
