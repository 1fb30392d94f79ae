import { isTemporarySchema } from './facts.ts'
import { derived } from './from.ts'
import { isRangeVar, isTree, listAt, namesIn, nodeOf, textAt, treeAt, type Tree } from './tree.ts'
import type { Scope, Walk } from './scope.ts'

/** Commands that change a table's definition, rights or rows as a whole, with the field that names the table. */
export const definitionTargets: ReadonlyMap<string, string> = new Map([
  ['CreateStmt', 'relation'],
  ['AlterTableStmt', 'relation'],
  ['IndexStmt', 'relation'],
  ['CreateTrigStmt', 'relation'],
  ['RuleStmt', 'relation'],
  ['RenameStmt', 'relation'],
  ['AlterObjectSchemaStmt', 'relation'],
  ['AlterObjectDependsStmt', 'relation'],
  ['AlterOwnerStmt', 'relation'],
  ['ClusterStmt', 'relation'],
  ['ReindexStmt', 'relation'],
  ['RefreshMatViewStmt', 'relation'],
  ['CopyStmt', 'relation'],
  ['VacuumRelation', 'relation'],
  ['ViewStmt', 'view'],
  ['CreatePolicyStmt', 'table'],
  ['AlterPolicyStmt', 'table'],
  ['PartitionCmd', 'name'],
  ['IntoClause', 'rel'],
  ['GrantStmt', 'objects'],
  ['TruncateStmt', 'relations'],
  ['CreateStatsStmt', 'relations'],
  ['CreateSeqStmt', 'sequence'],
  ['AlterSeqStmt', 'sequence'],
  ['CompositeTypeStmt', 'typevar'],
])

/** Relations that are no tables: their names are not listed. */
const noTables = new Set(['OBJECT_INDEX', 'OBJECT_SEQUENCE', 'OBJECT_TYPE', 'OBJECT_ATTRIBUTE', 'REINDEX_OBJECT_INDEX'])
const noTableCommands = new Set(['CreateSeqStmt', 'AlterSeqStmt', 'CompositeTypeStmt'])

/** Fields whose contents take effect when the command runs; all others are only stored, or only referred to. */
const executedFields = new Set(['query', 'cmds'])

/** Notes what a command defines as written, and goes through the rest. */
export function definitionTables(walk: Walk, type: string, fields: Tree, scope: Scope): void {
  const target = definitionTargets.get(type)
  const isTable = !noTableCommands.has(type) && !hasNoTable(fields)
  const writes = type !== 'CopyStmt' || fields['is_from'] === true
  for (const key of Object.keys(fields).toReversed()) {
    const value = fields[key]
    if (key !== target) {
      const inner = type !== 'CopyStmt' && key === 'query' ? derived(scope) : scope
      walk.push(value, { ...inner, nested: true, executed: scope.executed && executedFields.has(key) })
      continue
    }
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const rangeVar = rangeVarOf(item)
      if (rangeVar === undefined) continue
      walk.noteTemporary(rangeVar)
      if (!isTable) continue
      if (!writes) walk.readTable(rangeVar, scope)
      else {
        const { entry } = walk.writeTable(rangeVar, scope)
        if (type === 'TruncateStmt') entry.change = 'delete'
      }
    }
  }
}

function rangeVarOf(value: unknown): Tree | undefined {
  if (!isTree(value)) return undefined
  return isRangeVar(value) ? value : nodeOf(value, 'RangeVar')
}

function hasNoTable(fields: Tree): boolean {
  for (const field of ['objtype', 'objectType', 'renameType', 'kind']) {
    if (noTables.has(textAt(fields, field) ?? '')) return true
  }
  return false
}

/** Kinds of objects that are tables, and kinds that belong to a table and are named behind it. */
const tableObjects = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE'])
const partObjects = new Set(['OBJECT_COLUMN', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY', 'OBJECT_TABCONSTRAINT'])

/** `DROP`, `COMMENT ON`, `SECURITY LABEL`: the tree names their objects by strings. */
export function namedObjects(walk: Walk, fields: Tree, scope: Scope): void {
  const type = textAt(fields, 'removeType') ?? textAt(fields, 'objtype') ?? ''
  const objects = fields['objects'] === undefined ? [fields['object']] : listAt(fields, 'objects')
  for (const object of objects) {
    const items = listAt(nodeOf(object, 'List') ?? treeAt(fields, 'object'), 'items')
    const names = namesIn(items)
    if (names === undefined) continue
    const relation = tableObjects.has(type) ? names : partObjects.has(type) ? names.slice(0, -1) : undefined
    if (names.length > 1 && isTemporarySchema(names[0] ?? '')) walk.facts.temporary = true
    if (relation === undefined || relation.length === 0) continue
    walk.tables.addNamed(relation, scope.executed ? 'write' : 'read', walk.statement, walk.start)
  }
}
