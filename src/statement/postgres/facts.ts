import type { FunctionUse } from '../analysis.ts'
import type { InsertedColumns } from '../appearances/inserted-columns.ts'
import type { JoinLevel } from '../appearances/join-level.ts'
import { QueryColumns } from '../appearances/query-columns.ts'
import type { Condition } from './conditions.ts'
import { builtInOperators } from './built-ins.ts'
import { namesIn, type Tree } from './tree.ts'

/**
 * Functions of `pg_catalog` that change the state of their connection, or answer from it, with the reason. Those that
 * are volatile and leave nothing on the connection need no entry: the catalogue knows them.
 */
const sessionFunctions: ReadonlyMap<string, { readonly why: string; readonly leavesState: boolean }> = new Map([
  ['set_config', { why: 'set_config() changes a setting of the connection', leavesState: true }],
  ['setseed', { why: "setseed() changes the connection's random numbers", leavesState: true }],
  ['currval', { why: 'currval() answers from what its connection did before', leavesState: false }],
  ['lastval', { why: 'lastval() answers from what its connection did before', leavesState: false }],
  ['pg_listening_channels', { why: 'pg_listening_channels() answers for its connection', leavesState: false }],
  ['pg_cursor', { why: 'pg_cursor() answers for its connection', leavesState: false }],
  ['pg_prepared_statement', { why: 'pg_prepared_statement() answers for its connection', leavesState: false }],
  ['pg_my_temp_schema', { why: 'pg_my_temp_schema() answers for its connection', leavesState: false }],
  ...[
    'pg_advisory_lock',
    'pg_advisory_lock_shared',
    'pg_try_advisory_lock',
    'pg_try_advisory_lock_shared',
    'pg_advisory_unlock',
    'pg_advisory_unlock_shared',
    'pg_advisory_unlock_all',
  ].map(
    (name) => [name, { why: `${name}() takes or gives back a lock of the connection`, leavesState: true }] as const,
  ),
])

/** What one statement's tree was seen to hold, apart from its tables. */
export class StatementFacts {
  /** A `FOR UPDATE`, `FOR SHARE` or the like. */
  locks = false
  /** An `INSERT`, `UPDATE`, `DELETE` or `MERGE` in a `WITH`. */
  nestedWrite: string | undefined
  /** `SELECT … INTO`. */
  selectsInto = false
  /** Something temporary is named or made. */
  temporary = false
  leavesState = false
  /** Why the statement depends on its connection's state. */
  session: string | undefined
  readonly conditions: Condition[] = []
  /** Its query levels; those further out come first. */
  readonly levels: JoinLevel[] = []
  readonly inserts: InsertedColumns[] = []
  readonly functions = new Map<string, FunctionUse>()
  readonly #queries = new Map<Tree, QueryColumns>()

  /** What a query gives, by its `SelectStmt`: also before it has been read. */
  queryOf = (select: Tree): QueryColumns => {
    const known = this.#queries.get(select) ?? new QueryColumns()
    this.#queries.set(select, known)
    return known
  }

  /** For a statement that is planned only, and so calls nothing. */
  forgetFunctions(): void {
    this.functions.clear()
    this.session = undefined
    this.leavesState = false
  }

  addFunction(names: readonly unknown[]): void {
    const parts = namesIn(names)
    const name = parts?.at(-1)
    if (parts === undefined || name === undefined) return
    const schema = parts.at(-2)
    this.#add(name, schema)
    if (schema !== undefined && isTemporarySchema(schema)) this.temporary = true
    const session = schema === undefined || schema === 'pg_catalog' ? sessionFunctions.get(name) : undefined
    if (session === undefined) return
    this.session ??= session.why
    this.leavesState ||= session.leavesState
  }

  /**
   * An operator is a call of its function. Those that PostgreSQL brings along are harmless; any other is listed as a
   * function named `operator(…)`, which is how the catalogue names it too.
   */
  addOperator(names: readonly unknown[]): void {
    const parts = namesIn(names)
    const name = parts?.at(-1)
    if (parts === undefined || name === undefined || /^[A-Z]/.test(name)) return
    const schema = parts.at(-2)
    if ((schema === undefined || schema === 'pg_catalog') && builtInOperators.has(name)) return
    this.#add(`operator(${name})`, schema)
  }

  #add(name: string, schema: string | undefined): void {
    const key = `${JSON.stringify(schema)} ${name}`
    if (!this.functions.has(key)) this.functions.set(key, schema === undefined ? { name } : { name, schema })
  }
}

/** `pg_temp`, which stands for the connection's own schema, or such a schema by its number. */
export function isTemporarySchema(schema: string): boolean {
  return schema === 'pg_temp' || /^pg_temp_\d+$/.test(schema)
}
