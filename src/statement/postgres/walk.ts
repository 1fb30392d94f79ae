import type { TableAppearance } from '../analysis.ts'
import { conditionsOf, conjunctsOf, insertedValues, type ConditionReading } from './conditions.ts'
import { definitionTables, definitionTargets, namedObjects } from './definitions.ts'
import { isTemporarySchema, type StatementFacts } from './facts.ts'
import { collectFrom, derived, type FromLevel } from './from.ts'
import { insertedQuery, isLimited, selectedColumns } from './select-columns.ts'
import type { Appearance, TableCollector } from './tables.ts'
import type { CteQuery, Scope, Walk } from './scope.ts'
import { valueSource } from './value-source.ts'
import { isRangeVar, isTree, listAt, namesIn, nodeOf, textAt, treeAt, typeOf, type Tree } from './tree.ts'

type Handler = (walk: StatementWalk, fields: Tree, scope: Scope) => void

/**
 * Goes through one statement's tree, and gathers tables, functions and conditions.
 *
 * The walk keeps its own stack, so that no depth of nesting can exhaust the engine's. A node of a type that it does
 * not know is simply gone through: whatever it holds is seen.
 */
export class StatementWalk implements Walk {
  readonly facts: StatementFacts
  readonly tables: TableCollector
  readonly reading: ConditionReading
  readonly statement: number
  /** Where the statement begins in the text. */
  readonly start: number
  readonly #pending: { readonly node: unknown; readonly scope: Scope }[] = []

  constructor(facts: StatementFacts, tables: TableCollector, statement: number, start: number) {
    this.facts = facts
    this.tables = tables
    this.reading = { queryOf: facts.queryOf, position: (location) => tables.position(location) }
    this.statement = statement
    this.start = start
  }

  run(node: unknown, executed: boolean): void {
    this.push(node, { ctes: undefined, correlated: false, outer: undefined, place: 'from', nested: false, executed })
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#visit(next.node, next.scope)
    }
  }

  /** Puts something on the stack, to be gone through later. */
  push(node: unknown, scope: Scope): void {
    if (typeof node === 'object' && node !== null) this.#pending.push({ node, scope })
  }

  /** Everything that a node holds, but the given fields. */
  pushFields(fields: Tree, scope: Scope, except?: ReadonlySet<string>): void {
    for (const key of Object.keys(fields).toReversed()) {
      if (except === undefined || !except.has(key)) this.push(fields[key], scope)
    }
  }

  #visit(node: unknown, scope: Scope): void {
    if (Array.isArray(node)) {
      for (const item of (node as unknown[]).toReversed()) this.push(item, scope)
      return
    }
    if (!isTree(node)) return
    const type = typeOf(node)
    if (type === undefined) {
      if (isRangeVar(node)) this.readTable(node, scope)
      else this.pushFields(node, scope)
      return
    }
    const fields = treeAt(node, type)
    if (fields === undefined) return
    const handler = handlers.get(type)
    if (handler !== undefined) handler(this, fields, scope)
    else this.pushFields(fields, scope)
  }

  /** A table that is read, unless the name is a common table expression's. */
  readTable(rangeVar: Tree, scope: Scope): Appearance | undefined {
    return this.useCte(rangeVar, scope) === undefined ? this.#addTable(rangeVar, 'read', scope.place) : undefined
  }

  useCte(rangeVar: Tree, scope: Scope): CteQuery | undefined {
    if (textAt(rangeVar, 'schemaname') !== undefined) return undefined
    const cte = findCte(textAt(rangeVar, 'relname') ?? '', scope)
    cte?.query?.use()
    return cte
  }

  /** A table whose rows or definition change. Common table expressions do not hide it. */
  writeTable(rangeVar: Tree, scope: Scope): Appearance {
    return this.#addTable(rangeVar, scope.executed ? 'write' : 'read', 'target')
  }

  #addTable(rangeVar: Tree, access: 'read' | 'write', place: TableAppearance['place']): Appearance {
    this.noteTemporary(rangeVar)
    return this.tables.addRangeVar(rangeVar, access, this.statement, place)
  }

  noteTemporary(rangeVar: Tree): void {
    const schema = textAt(rangeVar, 'schemaname')
    if (textAt(rangeVar, 'relpersistence') === 't' || (schema !== undefined && isTemporarySchema(schema))) {
      this.facts.temporary = true
    }
  }

  /**
   * Brings a `WITH` into view, and goes through its queries. Each sees those before it; with `RECURSIVE` all of them.
   */
  enterWith(fields: Tree, scope: Scope): Scope {
    const withClause = treeAt(fields, 'withClause')
    if (withClause === undefined) return scope
    const ctes = listAt(withClause, 'ctes').map((cte) => nodeOf(cte, 'CommonTableExpr'))
    const recursive = withClause['recursive'] === true
    const named = ctes.map((cte) => [textAt(cte, 'ctename') ?? '', this.#cteQuery(cte, recursive)] as const)
    const all = { queries: new Map(named), outer: scope.ctes }
    let visible = scope.ctes
    for (const [index, cte] of ctes.entries()) {
      this.push(cte?.['ctequery'], { ...derived(scope), ctes: recursive ? all : visible })
      visible = { queries: new Map(named.slice(index, index + 1)), outer: visible }
    }
    return { ...scope, ctes: all, nested: true }
  }

  #cteQuery(cte: Tree | undefined, recursive: boolean): CteQuery {
    const select = recursive ? undefined : nodeOf(cte?.['ctequery'], 'SelectStmt')
    const columns = namesIn(listAt(cte, 'aliascolnames'))
    return {
      query: select && this.facts.queryOf(select),
      columns: columns?.length === 0 ? undefined : columns,
    }
  }
}

function findCte(name: string, scope: Scope): CteQuery | undefined {
  for (let { ctes } = scope; ctes !== undefined; ctes = ctes.outer) {
    const cte = ctes.queries.get(name)
    if (cte !== undefined) return cte
  }
  return undefined
}

/** The scope of a level's expressions: a subquery there sees the level's tables. */
function inside({ level, joins }: FromLevel, scope: Scope): Scope {
  const correlated = scope.correlated || !level.isEmpty
  return { ...scope, nested: true, correlated, outer: { level: joins, whole: true } }
}

/** The scope of expressions that see tables under names of their own (`excluded`, a `MERGE`'s target and source). */
function amongUnknown(scope: Scope): Scope {
  return { ...scope, nested: true, correlated: true, outer: 'unknown' }
}

/** The conditions that each row of a level must meet, behind those of its joins. */
function restrict(walk: StatementWalk, { level, joins, qualifications }: FromLevel, where: unknown): void {
  const conjuncts = conjunctsOf(where, walk.reading)
  joins.restrict(conjuncts)
  for (const each of [...qualifications, conjuncts]) conditionsOf(each, level, walk.facts.conditions)
}

const selectFields = new Set(['withClause', 'fromClause', 'intoClause', 'lockingClause', 'larg', 'rarg'])

function select(walk: StatementWalk, fields: Tree, outer: Scope): void {
  const scope = walk.enterWith(fields, outer)
  if (listAt(fields, 'lockingClause').length > 0) walk.facts.locks = true
  const into = treeAt(treeAt(fields, 'intoClause'), 'rel')
  if (into !== undefined) {
    walk.facts.selectsInto = true
    walk.writeTable(into, scope)
  }
  const from = collectFrom(walk, listAt(fields, 'fromClause'), scope)
  restrict(walk, from, fields['whereClause'])
  walk.pushFields(fields, inside(from, scope), selectFields)
  const sides = ['larg', 'rarg'].map((side) => treeAt(fields, side)).filter((side) => side !== undefined)
  for (const branch of sides.toReversed()) walk.push({ SelectStmt: branch }, derived(scope))
  const query = walk.facts.queryOf(fields)
  if (sides.length === 0) query.isSelect(from.joins, () => selectedColumns(fields))
  else
    query.isMadeOf(
      sides.map((side) => walk.facts.queryOf(side)),
      isLimited(fields),
    )
}

const changeFields = new Set(['withClause', 'relation', 'fromClause', 'usingClause'])

/** `UPDATE … FROM` and `DELETE … USING`: the target and the other tables share one level. */
function change(verb: string, others: string): Handler {
  return (walk, fields, outer) => {
    noteWrite(walk, verb, outer)
    const scope = walk.enterWith(fields, outer)
    const from = collectFrom(walk, listAt(fields, others), scope, treeAt(fields, 'relation'))
    if (from.target !== undefined) from.target.entry.change = verb === 'UPDATE' ? 'update' : 'delete'
    if (verb === 'UPDATE') {
      noteAssigned(from.target, fields)
      noteGiven(from.target, fields)
    }
    restrict(walk, from, fields['whereClause'])
    walk.pushFields(fields, inside(from, scope), changeFields)
  }
}

const insertFields = new Set(['withClause', 'relation', 'selectStmt'])

function insert(walk: StatementWalk, fields: Tree, outer: Scope): void {
  noteWrite(walk, 'INSERT', outer)
  const scope = walk.enterWith(fields, outer)
  const relation = treeAt(fields, 'relation')
  if (relation !== undefined) {
    const target = walk.writeTable(relation, scope)
    target.entry.change = 'insert'
    target.entry.listed = listedColumns(fields)
    insertedValues(fields, target, walk.facts.conditions)
    const query = insertedQuery(fields)
    if (query !== undefined)
      walk.facts.inserts.push({ target: target.entry, ...query, query: walk.facts.queryOf(query.select) })
    noteAssigned(target, treeAt(fields, 'onConflictClause'))
  }
  walk.pushFields(fields, amongUnknown(scope), insertFields)
  walk.push(fields['selectStmt'], derived(scope))
}

function listedColumns(fields: Tree): readonly string[] | undefined {
  const columns = listAt(fields, 'cols').map((item) => textAt(nodeOf(item, 'ResTarget'), 'name') ?? '')
  return columns.length === 0 ? undefined : columns
}

const mergeFields = new Set(['withClause', 'relation', 'sourceRelation'])

/** The condition of a `MERGE` holds for the matched rows only, so none is taken from it. */
function merge(walk: StatementWalk, fields: Tree, outer: Scope): void {
  noteWrite(walk, 'MERGE', outer)
  const scope = walk.enterWith(fields, outer)
  const { target } = collectFrom(walk, [fields['sourceRelation']], scope, treeAt(fields, 'relation'))
  for (const item of listAt(fields, 'mergeWhenClauses')) {
    const clause = nodeOf(item, 'MergeWhenClause')
    if (textAt(clause, 'commandType') === 'CMD_UPDATE') noteAssigned(target, clause)
  }
  walk.pushFields(fields, amongUnknown(scope), mergeFields)
}

/** The columns that a `SET` assigns, also parts of them (`SET a[1] = …`). */
function noteAssigned(target: Appearance | undefined, fields: Tree | undefined): void {
  for (const item of listAt(fields, 'targetList')) {
    const column = textAt(nodeOf(item, 'ResTarget'), 'name')
    if (column !== undefined) target?.entry.assigned.push(column)
  }
}

/** What an UPDATE gives to its columns; to a part of one (`SET a[1] = …`) no known value. */
function noteGiven(target: Appearance | undefined, fields: Tree): void {
  for (const item of listAt(fields, 'targetList')) {
    const assigned = nodeOf(item, 'ResTarget')
    const column = textAt(assigned, 'name')
    if (assigned === undefined || column === undefined) continue
    const isPart = listAt(assigned, 'indirection').length > 0
    target?.entry.given.push({ column, value: isPart ? { from: 'expression' } : valueSource(assigned['val']) })
  }
}

function noteWrite(walk: StatementWalk, verb: string, scope: Scope): void {
  if (scope.nested && scope.executed) walk.facts.nestedWrite ??= verb
}

const operatorFields = new Set(['name', 'operName', 'useOp'])

function operator(field: string): Handler {
  return (walk, fields, scope) => {
    walk.facts.addOperator(listAt(fields, field))
    walk.pushFields(fields, scope, operatorFields)
  }
}

const subLinkFields = new Set(['operName', 'subselect'])
const functionFields = new Set(['funcname'])
const builtInSamplings = new Set(['system', 'bernoulli'])

const leaf: Handler = () => undefined

const handlers: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['SelectStmt', select],
  ['InsertStmt', insert],
  ['UpdateStmt', change('UPDATE', 'fromClause')],
  ['DeleteStmt', change('DELETE', 'usingClause')],
  ['MergeStmt', merge],
  ['RangeVar', (walk, fields, scope) => void walk.readTable(fields, scope)],
  [
    'RangeTableSample',
    (walk, fields, scope) => {
      const method = listAt(fields, 'method')
      if (!builtInSamplings.has(textAt(nodeOf(method.at(-1), 'String'), 'sval') ?? '')) walk.facts.addFunction(method)
      walk.pushFields(fields, scope, new Set(['method']))
    },
  ],
  [
    'FuncCall',
    (walk, fields, scope) => {
      walk.facts.addFunction(listAt(fields, 'funcname'))
      walk.pushFields(fields, scope, functionFields)
    },
  ],
  ['A_Expr', operator('name')],
  ['SortBy', operator('useOp')],
  [
    'SubLink',
    (walk, fields, scope) => {
      walk.facts.addOperator(listAt(fields, 'operName'))
      walk.pushFields(fields, scope, subLinkFields)
      walk.push(fields['subselect'], { ...scope, nested: true, place: 'expression' })
    },
  ],
  ...[...definitionTargets.keys()].map(
    (type) =>
      [type, (walk: StatementWalk, fields: Tree, scope: Scope) => definitionTables(walk, type, fields, scope)] as const,
  ),
  [
    'CreateForeignTableStmt',
    (walk, fields, scope) => definitionTables(walk, 'CreateStmt', treeAt(fields, 'base') ?? {}, scope),
  ],
  [
    'CreateTableAsStmt',
    (walk, fields, scope) => {
      walk.push({ IntoClause: fields['into'] }, scope)
      walk.push(fields['query'], derived(scope))
    },
  ],
  ['DropStmt', namedObjects],
  ['CommentStmt', namedObjects],
  ['SecLabelStmt', namedObjects],
  ['A_Const', leaf],
  ['ColumnRef', leaf],
  ['ParamRef', leaf],
  ['TypeName', leaf],
  // Its names are aliases, not tables.
  ['LockingClause', leaf],
])
