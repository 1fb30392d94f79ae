import { ShadowError } from '../../errors.ts'
import type { Shadow, ShadowKind } from '../../topology/shadow.ts'
import type { Storage } from '../shadow-table.ts'
import { calledBy, longestSchemaName, longestTableName, within } from './names.ts'
import type { BaseRelation, BaseSchema, PostgresFacts, PostgresTable } from './postgres-table.ts'

/** How a shadow shows each relation of the base. */
export interface PlannedRelation {
  readonly relation: BaseRelation
  readonly kind: ShadowKind
  /** Of a table of which something is kept. */
  readonly table?: PostgresTable
}

/**
 * Keeps something of the tables that are declared `augment` or `replace`, and copies of the rows that foreign keys connect with those.
 * Throws `ShadowError` for what cannot be augmented. Pure.
 */
export function planRelations({ relations, main }: BaseSchema, { base, kinds }: Shadow): readonly PlannedRelation[] {
  const facts = new Map(relations.map((each) => [each.facts.name, each.facts]))
  const kindOf = (name: string): ShadowKind => kinds.of(calledBy(facts.get(name) ?? { name }, main)) ?? 'base'
  const tables = relations.filter(({ kind }) => kind === 'table').map(({ facts }) => facts)
  const connected = connectedTables(tables, kindOf)
  return relations.map((relation) => {
    const { facts: own, kind: found } = relation
    const kind = found === 'table' ? kindOf(own.name) : 'base'
    if (found !== 'table') refuseNamed(relation, base, kinds.named(calledBy(own, main)))
    const storage: Storage | undefined = kind !== 'base' ? kind : connected.has(own.name) ? 'mirror' : undefined
    if (storage === undefined || found !== 'table') return { relation, kind }
    if (storage !== 'replace') check(own, storage, base, kindOf)
    return { relation, kind, table: tableOf(own, storage) }
  })
}

function tableOf(facts: PostgresFacts, storage: Storage): PostgresTable {
  const stored = storage === 'replace' ? facts.shown : within('local', facts)
  return { ...facts, storage, stored, baseColumns: facts.declared.map(({ name }) => name) }
}

/**
 * Rows that a kept row refers to must be there, and those that refer to a row which is changed. Rows of a mirror are never changed, so
 * nothing leads on to those that refer to them.
 */
function connectedTables(tables: readonly PostgresFacts[], kindOf: (name: string) => ShadowKind): ReadonlySet<string> {
  const found = new Set(tables.map(({ name }) => name).filter((name) => kindOf(name) !== 'base'))
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const { name, foreignKeys } of tables)
      for (const { table } of foreignKeys) {
        if (found.has(name)) found.add(table)
        else if (kindOf(table) === 'augment') found.add(name)
      }
  }
  return found
}

/** A glob means tables; what is called by its name is meant itself. */
function refuseNamed({ facts: { name }, kind }: BaseRelation, base: string, declared: ShadowKind | undefined): void {
  if (declared === undefined || declared === 'base') return
  throw new ShadowError(
    `${name} of "${base}" cannot be declared '${declared}': it is ${kind === 'view' ? 'a view' : 'no plain table'}. Declare the tables that it reads.`,
  )
}

function check(
  { name, place, primaryKey, obstacles, foreignKeys }: PostgresFacts,
  storage: Storage,
  base: string,
  kindOf: (name: string) => ShadowKind,
): void {
  const refuse = (why: string): never => {
    const what =
      storage === 'mirror' ? 'is connected by foreign keys with augmented tables, but cannot be' : 'cannot be augmented'
    throw new ShadowError(`${name} of "${base}" ${what}: ${why}`)
  }
  if (primaryKey.length === 0) refuse('it has no primary key. Declare it "replace" or "base".')
  if (Buffer.byteLength(place?.name ?? name) > longestTableName)
    refuse(`its name has more than ${longestTableName} bytes.`)
  if (Buffer.byteLength(place?.schema ?? '') > longestSchemaName)
    refuse(`the name of its schema has more than ${longestSchemaName} bytes.`)
  const [obstacle] = obstacles
  if (storage === 'augment' && obstacle !== undefined) refuse(`${obstacle}. Declare it "replace" or "base".`)
  const replaced = foreignKeys.find(({ table }) => kindOf(table) === 'replace')
  if (replaced !== undefined)
    refuse(
      `it refers to ${replaced.table}, whose rows of the base are not shown. Declare both "replace", or ${replaced.table} "augment".`,
    )
}
