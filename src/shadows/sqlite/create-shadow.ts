import { ShadowError } from '../../errors.ts'
import type { Shadow, ShadowKind } from '../../topology/shadow.ts'
import { localName, originalName, ownPrefix, type Storage, type TableFacts } from '../shadow-table.ts'
import { knownKeysSql } from './known-keys.ts'
import { baseSchema } from './overlay.ts'
import { quote, text } from './quote.ts'
import { readFacts, readObjects, type Ask, type SchemaObject } from './read-tables.ts'

/** Where the shadow notes what it keeps, and how. */
export const recordTable = `${ownPrefix}shadow`

export interface PlannedTable {
  readonly facts: TableFacts
  readonly storage: Storage
}

/**
 * The tables of which a shadow must keep something: those that are declared `augment` or `replace`, and those that foreign keys
 * connect with augmented ones. Throws `ShadowError` for what cannot be augmented.
 */
export async function plannedTables(
  ask: Ask,
  objects: readonly SchemaObject[],
  { base, kinds }: Shadow,
): Promise<readonly PlannedTable[]> {
  const names = objects.filter(({ type }) => type === 'table').map(({ name }) => name)
  const all = await Promise.all(names.map(async (name) => await readFacts(ask, baseSchema, name)))
  const kindOf = (name: string): ShadowKind => kinds.of({ name }) ?? 'base'
  const augmented = all.filter(({ name }) => kindOf(name) === 'augment')
  const connected = reachable(all, new Set(augmented.map(({ name }) => name.toLowerCase())))
  for (const name of parentsOfReplaced(all, kindOf)) connected.add(name)
  for (const facts of all)
    if (kindOf(facts.name) !== 'replace' && connected.has(facts.name.toLowerCase())) check(facts, objects, base, kindOf)
  return all.flatMap((facts): readonly PlannedTable[] => {
    const kind = kindOf(facts.name)
    if (kind !== 'base') return [{ facts, storage: kind }]
    return connected.has(facts.name.toLowerCase()) ? [{ facts, storage: 'mirror' }] : []
  })
}

/** Foreign keys lead from a table to its parents, and from it to its children: both may have to be copied. */
function reachable(all: readonly TableFacts[], from: ReadonlySet<string>): Set<string> {
  const found = new Set(from)
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const { name, foreignKeys } of all)
      for (const { table } of foreignKeys) {
        const [child, parent] = [name.toLowerCase(), table.toLowerCase()]
        if (found.has(child)) found.add(parent)
        else if (found.has(parent)) found.add(child)
      }
  }
  return found
}

/** Rows of a replaced table may refer to those of the base; and these to others. */
function parentsOfReplaced(all: readonly TableFacts[], kindOf: (name: string) => ShadowKind): ReadonlySet<string> {
  const found = new Set<string>()
  const follow = ({ foreignKeys }: TableFacts): void => {
    for (const key of foreignKeys) {
      const parent = all.find(({ name }) => name.toLowerCase() === key.table.toLowerCase())
      if (parent === undefined || kindOf(parent.name) === 'replace' || found.has(parent.name.toLowerCase())) continue
      found.add(parent.name.toLowerCase())
      follow(parent)
    }
  }
  for (const facts of all) if (kindOf(facts.name) === 'replace') follow(facts)
  return found
}

function check(
  { name, primaryKey, uniqueKeys, foreignKeys }: TableFacts,
  objects: readonly SchemaObject[],
  base: string,
  kindOf: (name: string) => ShadowKind,
): void {
  const refuse = (why: string): never => {
    throw new ShadowError(`${name} of "${base}" cannot be augmented: ${why}`)
  }
  if (primaryKey.length === 0) refuse('it has no primary key. Declare it "replace" or "base".')
  if (uniqueKeys.some((key) => key.some(({ name: column }) => column === '')))
    refuse('it has a unique index over an expression. Declare it "replace" or "base".')
  const triggers = objects.filter(({ type, table }) => type === 'trigger' && table.toLowerCase() === name.toLowerCase())
  if (triggers.length > 0)
    refuse(
      `it has triggers (${triggers.map((trigger) => trigger.name).join(', ')}), which would see its local rows alone. Declare it "replace".`,
    )
  const replaced = foreignKeys.find(({ table }) => kindOf(table) === 'replace')
  if (replaced !== undefined)
    refuse(
      `it refers to ${replaced.table}, whose rows of the base are not shown. Declare both "replace", or ${replaced.table} "augment".`,
    )
}

/** What is to be run once in the local file, in one transaction. */
export function creationSql(planned: readonly PlannedTable[], objects: readonly SchemaObject[]): readonly string[] {
  const names = new Set(planned.map(({ facts }) => facts.name))
  const kept = planned.filter(({ storage }) => storage !== 'replace')
  return [
    `CREATE TABLE IF NOT EXISTS ${quote(recordTable)} (name TEXT PRIMARY KEY, storage TEXT NOT NULL)`,
    ...objects.flatMap(({ type, name, sql }) =>
      type === 'table' && names.has(name) && sql !== undefined ? [sql] : [],
    ),
    ...objects.flatMap(({ type, table, sql }) =>
      type === 'index' && names.has(table) && sql !== undefined ? [sql] : [],
    ),
    // SQLite itself changes the names in foreign keys and checks.
    ...kept.map(({ facts: { name } }) => `ALTER TABLE ${quote(name)} RENAME TO ${quote(localName(name))}`),
    ...kept.flatMap(({ facts }) => [originalTable(facts), ...knownKeysSql(facts)]),
    ...planned.map(
      ({ facts, storage }) => `INSERT INTO ${quote(recordTable)} VALUES (${text(facts.name)}, '${storage}')`,
    ),
  ]
}

function originalTable({ name, columns, primaryKey, numbered, rowNumber }: TableFacts): string {
  const collations = new Map(primaryKey.map((key) => [key.name, key.collation]))
  const declared = columns
    .filter(({ isGenerated }) => !isGenerated)
    .map(({ name: column, type, isAny }) => {
      const collation = collations.get(column)
      return `${quote(column)} ${isAny ? '' : type}${collation === undefined ? '' : ` COLLATE ${quote(collation)}`}`
    })
  const key = primaryKey.map(({ name: column }) => quote(column)).join(', ')
  const options = numbered === undefined && rowNumber === undefined ? ' WITHOUT ROWID' : ''
  return `CREATE TABLE ${quote(originalName(name))} (${declared.join(', ')}, PRIMARY KEY (${key}))${options}`
}

/** Throws `ShadowError` if the local file has tables of these names that are none of the shadow's. */
export async function refuseOccupied(ask: Ask, alias: string, names: readonly string[]): Promise<void> {
  const there = new Set((await readObjects(ask, 'main')).map(({ name }) => name.toLowerCase()))
  const taken = names.filter((name) => there.has(name.toLowerCase()))
  if (taken.length > 0)
    throw new ShadowError(
      `The local database of "${alias}" has tables of its own that a shadow would keep there: ${taken.join(', ')}. Give the shadow another file.`,
    )
}
