import {
  copiedColumns,
  localName,
  originalName,
  ownPrefix,
  touchName,
  type ForeignKey,
  type KeyColumn,
  type ShadowTable,
} from '../shadow-table.ts'
import { quote } from './quote.ts'

/** The schema under which each connection has the base. */
export const baseSchema = `${ownPrefix}base`

/**
 * What makes one connection to the local file a shadow: views that show the base's rows and the local ones under the names of the
 * tables, and triggers that copy rows of the base as soon as a change needs them to be local. All of it is temporary, since nothing
 * that lasts may name another file.
 *
 * A copy is made by an insert into the table of originals, whose trigger makes the local row; so a copy of a copy's parents follows by
 * itself. No change can be seen by that: what is shown stays the same.
 */
export function overlaySql(tables: readonly ShadowTable[], views: readonly string[]): readonly string[] {
  const kept = tables.filter(({ storage }) => storage !== 'replace')
  const byName = new Map(kept.map((table) => [table.name.toLowerCase(), table]))
  return [
    // Copies of copies; and what REPLACE deletes is deleted with its triggers.
    'PRAGMA recursive_triggers = ON',
    // A mirror's name leads to the base itself.
    ...kept.filter(({ storage }) => storage === 'augment').map(viewOf),
    ...kept.flatMap((table) => [copyTrigger(table), ...touchOf(table)]),
    ...kept.flatMap((table) => keyTriggers(table)),
    ...tables.flatMap((table) => parentTriggers(table, byName)),
    ...kept.flatMap((table) => childTriggers(table, kept)),
    ...kept.filter(({ storage }) => storage === 'mirror').flatMap(guardTriggers),
    ...views,
  ]
}

function viewOf(table: ShadowTable): string {
  const shared = new Set(table.baseColumns)
  const own = table.columns.map(({ name }) => quote(name))
  const base = table.columns.map(({ name, preset }) =>
    shared.has(name) ? `b.${quote(name)}` : `${preset === undefined ? 'NULL' : `(${preset})`} AS ${quote(name)}`,
  )
  return (
    `CREATE TEMP VIEW ${quote(table.name)} AS SELECT ${own.join(', ')} FROM main.${quote(localName(table.name))} ` +
    `UNION ALL SELECT ${base.join(', ')} FROM ${baseSchema}.${quote(table.name)} AS b WHERE ${isShown(table)}`
  )
}

/** That a row `b` of the base is shown still: it was not copied, and none with its key was added here before the base got it. */
export function isShown({ name, primaryKey }: ShadowTable): string {
  const isMissing = (table: string, alias: string): string => {
    const same = primaryKey.map(({ name: column }) => `${alias}.${quote(column)} = b.${quote(column)}`).join(' AND ')
    return `NOT EXISTS (SELECT 1 FROM main.${quote(table)} AS ${alias} WHERE ${same})`
  }
  return `${isMissing(originalName(name), 'o')} AND ${isMissing(localName(name), 'l')}`
}

/** Copies the rows of the base that are shown and meet a condition. Inside a trigger, tables that are changed have no schema. */
function copy(table: ShadowTable, condition: string): string {
  const columns = copiedColumns(table).map(quote)
  return (
    `INSERT INTO ${quote(originalName(table.name))} (${columns.join(', ')}) ` +
    `SELECT ${columns.map((column) => `b.${column}`).join(', ')} FROM ${baseSchema}.${quote(table.name)} AS b ` +
    `WHERE ${condition} AND ${isShown(table)};`
  )
}

function trigger(name: string, when: string, body: readonly string[]): readonly string[] {
  return body.length === 0
    ? []
    : [`CREATE TEMP TRIGGER ${quote(`${ownPrefix}${name}`)} ${when} BEGIN ${body.join(' ')} END`]
}

function copyTrigger(table: ShadowTable): string {
  const columns = copiedColumns(table).map(quote)
  const insert =
    `INSERT INTO ${quote(localName(table.name))} (${columns.join(', ')}) ` +
    `VALUES (${columns.map((column) => `NEW.${column}`).join(', ')});`
  return trigger(`copy_${table.name}`, `AFTER INSERT ON main.${quote(originalName(table.name))}`, [insert]).join('')
}

/** A view into which keys are inserted. Through a trigger the copies change neither `changes()` nor the last id. */
function touchOf(table: ShadowTable): readonly string[] {
  const keys = table.primaryKey.map(({ name }) => quote(name))
  const view = quote(touchName(table.name))
  return [
    `CREATE TEMP VIEW ${view} AS SELECT ${keys.join(', ')} FROM main.${quote(originalName(table.name))}`,
    ...trigger(`touch_${table.name}_row`, `INSTEAD OF INSERT ON ${view}`, [
      copy(table, keys.map((key) => `b.${key} = NEW.${key}`).join(' AND ')),
    ]),
  ]
}

/** Rows of the base that have a key which a row is about to get, so that the engine itself finds the conflict. */
function keyTriggers(table: ShadowTable): readonly string[] {
  const keys = [table.primaryKey, ...table.uniqueKeys]
  const local = `main.${quote(localName(table.name))}`
  const columns = [...new Set(keys.flat().map(({ name }) => quote(name)))]
  const { numbered } = table
  return [
    ...trigger(
      `key_${table.name}_insert`,
      `BEFORE INSERT ON ${local}`,
      keys.map((key) => copy(table, hasKey(key))),
    ),
    ...trigger(
      `key_${table.name}_update`,
      `BEFORE UPDATE OF ${columns.join(', ')} ON ${local}`,
      keys.map((key) => copy(table, `${isChanged(key)} AND ${hasKey(key)}`)),
    ),
    ...(numbered === undefined ? [] : numberTrigger(table, quote(numbered), local)),
  ]
}

/** SQLite takes the highest number plus one, and asks the local table alone: the highest row of the base must be there. */
function numberTrigger(table: ShadowTable, key: string, local: string): readonly string[] {
  const highest =
    `b.${key} = (SELECT max(b.${key}) FROM ${baseSchema}.${quote(table.name)} AS b WHERE ${isShown(table)} ` +
    `AND b.${key} > ifnull((SELECT max(${key}) FROM ${quote(localName(table.name))}), -9223372036854775808))`
  // A key that is not given is -1 here (https://www.sqlite.org/lang_createtrigger.html calls it undefined), or NULL.
  return trigger(`number_${table.name}`, `BEFORE INSERT ON ${local} WHEN NEW.${key} IS NULL OR NEW.${key} = -1`, [
    copy(table, highest),
  ])
}

function hasKey(key: readonly KeyColumn[]): string {
  return key
    .map(
      ({ name, collation }) =>
        `b.${quote(name)}${collation === undefined ? '' : ` COLLATE ${quote(collation)}`} = NEW.${quote(name)}`,
    )
    .join(' AND ')
}

function isChanged(key: readonly KeyColumn[]): string {
  return `(${key.map(({ name }) => `NEW.${quote(name)} IS NOT OLD.${quote(name)}`).join(' OR ')})`
}

/** Rows of the base that a row is about to refer to. */
function parentTriggers(table: ShadowTable, kept: ReadonlyMap<string, ShadowTable>): readonly string[] {
  const stored = table.storage === 'replace' ? table.name : localName(table.name)
  const parents = table.foreignKeys.flatMap((key) => {
    const parent = kept.get(key.table.toLowerCase())
    return parent === undefined ? [] : [{ key, parent }]
  })
  const columns = [...new Set(parents.flatMap(({ key }) => key.columns.map(quote)))]
  const body = parents.map(({ key, parent }) =>
    copy(
      parent,
      key.referenced.map((name, place) => `b.${quote(name)} = NEW.${quote(key.columns[place] ?? '')}`).join(' AND '),
    ),
  )
  return [
    ...trigger(`parent_${table.name}_insert`, `BEFORE INSERT ON main.${quote(stored)}`, body),
    ...trigger(`parent_${table.name}_update`, `BEFORE UPDATE OF ${columns.join(', ')} ON main.${quote(stored)}`, body),
  ]
}

/** Rows of the base that refer to a row which is about to go, or to get another key: the engine does with them what their key says. */
function childTriggers(table: ShadowTable, kept: readonly ShadowTable[]): readonly string[] {
  const local = `main.${quote(localName(table.name))}`
  const children = kept.flatMap((child) =>
    child.foreignKeys
      .filter((key) => key.table.toLowerCase() === table.name.toLowerCase())
      .map((key) => ({ child, key })),
  )
  const columns = [...new Set(children.flatMap(({ key }) => key.referenced.map(quote)))]
  const refers = ({ columns: own, referenced }: ForeignKey): string =>
    own.map((name, place) => `b.${quote(name)} = OLD.${quote(referenced[place] ?? '')}`).join(' AND ')
  return [
    ...trigger(
      `child_${table.name}_delete`,
      `BEFORE DELETE ON ${local}`,
      children.map(({ child, key }) => copy(child, refers(key))),
    ),
    ...trigger(
      `child_${table.name}_update`,
      `BEFORE UPDATE OF ${columns.join(', ')} ON ${local}`,
      children.map(({ child, key }) =>
        copy(
          child,
          `(${key.referenced.map((name) => `NEW.${quote(name)} IS NOT OLD.${quote(name)}`).join(' OR ')}) AND ${refers(key)}`,
        ),
      ),
    ),
  ]
}

/** What a foreign key would do to rows of a table that is shown as the base has it. */
function guardTriggers({ name }: ShadowTable): readonly string[] {
  const message = `${name} is shown as the base has it, and a foreign key would change its rows`.replaceAll("'", "''")
  const local = `main.${quote(localName(name))}`
  return ['UPDATE', 'DELETE'].flatMap((verb) =>
    trigger(`guard_${name}_${verb.toLowerCase()}`, `BEFORE ${verb} ON ${local}`, [
      `SELECT RAISE(ABORT, '${message}');`,
    ]),
  )
}
