import {
  localName,
  originalName,
  ownPrefix,
  touchName,
  writtenColumns,
  type ForeignKey,
  type KeyColumn,
  type ShadowTable,
} from '../shadow-table.ts'
import { isUnknown } from './known-keys.ts'
import { quote, text } from './quote.ts'

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
    ...kept.flatMap((table) => [...onceTrigger(table), copyTrigger(table), ...touchOf(table)]),
    ...kept.flatMap((table) => keyTriggers(table)),
    ...tables.flatMap((table) => parentTriggers(table, byName)),
    ...kept.flatMap((table) => childTriggers(table, kept)),
    ...kept.filter(({ storage }) => storage === 'mirror').flatMap(guardTriggers),
    ...tables.flatMap(lastTriggers),
    ...views,
  ]
}

/** The local table of that name. */
function storedName({ name, storage }: ShadowTable): string {
  return storage === 'replace' ? name : localName(name)
}

/**
 * The local rows with all their columns, whatever these are: where another connection has added one since, the two halves do not fit
 * together, so that the next statement is refused before it runs, and the views are made anew (`renew-overlay.ts`).
 */
function viewOf(table: ShadowTable): string {
  const base = table.columns.map(({ name }) => `${baseValue(table, name)} AS ${quote(name)}`)
  return (
    `CREATE TEMP VIEW ${quote(table.name)} AS SELECT * FROM main.${quote(localName(table.name))} ` +
    `UNION ALL SELECT ${base.join(', ')} FROM ${baseSchema}.${quote(table.name)} AS b WHERE ${isShown(table)}`
  )
}

/** What a row `b` of the base shows in a column. */
function baseValue({ columns, baseColumns }: ShadowTable, column: string): string {
  if (baseColumns.includes(column)) return `b.${quote(column)}`
  return presetText(columns.find(({ name }) => name === column)?.preset)
}

/** A default as an expression. */
export function presetText(preset: string | undefined): string {
  return preset === undefined ? 'NULL' : `(${preset})`
}

/**
 * That a row `b` of the base is shown still: it was not copied, and no local row has got its key. (The base may get a row with the key
 * of one that was added here.) Few rows have keys that are known here: for all others, that is asked alone.
 */
export function isShown(table: ShadowTable): string {
  const { name, primaryKey } = table
  const added = primaryKey.map(({ name: column }) => `l.${quote(column)} = b.${quote(column)}`).join(' AND ')
  return (
    `((${isUnknown(table, 'b')}) OR ` +
    `(NOT EXISTS (SELECT 1 FROM main.${quote(originalName(name))} AS o WHERE ${isOriginal(table, 'b')}) ` +
    `AND NOT EXISTS (SELECT 1 FROM main.${quote(localName(name))} AS l WHERE ${added})))`
  )
}

/** That an original `o` is a row of the base. Rows whose keys are NULL are told apart by their numbers. */
function isOriginal({ primaryKey, rowNumber }: ShadowTable, row: string): string {
  const nullable = primaryKey.filter(({ isNullable }) => isNullable)
  const hasKey = nullable.map(({ name }) => `o.${quote(name)} IS NOT NULL`).join(' AND ')
  const sameRow =
    rowNumber === undefined || hasKey === '' ? '' : ` AND (${hasKey} OR o.${rowNumber} = ${row}.${rowNumber})`
  return `${isSame(primaryKey, 'o', row)}${sameRow}`
}

/** That two rows have the same primary key. */
function isSame(primaryKey: readonly KeyColumn[], one: string, other: string): string {
  return primaryKey
    .map(({ name, isNullable }) => `${one}.${quote(name)} ${isNullable ? 'IS' : '='} ${other}.${quote(name)}`)
    .join(' AND ')
}

/** Copies the rows of the base that are shown and meet a condition. Inside a trigger, tables that are changed have no schema. */
function copy(table: ShadowTable, condition: string): string {
  const columns = writtenColumns(table).map(({ name }) => name)
  const original = quote(originalName(table.name))
  const number = table.rowNumber === undefined ? [] : [table.rowNumber]
  return (
    `INSERT INTO ${original} (${[...number, ...columns.map(quote)].join(', ')}) ` +
    `SELECT ${[...number.map((name) => freeNumber(original, name, 'b')), ...columns.map((column) => baseValue(table, column))].join(', ')} ` +
    `FROM ${baseSchema}.${quote(table.name)} AS b WHERE ${condition} AND ${isShown(table)};`
  )
}

/** The number of a row, by which rows are in order, and new ones get theirs; another one if it is taken. */
function freeNumber(stored: string, name: string, row: string): string {
  return `CASE WHEN EXISTS (SELECT 1 FROM ${stored} WHERE ${name} = ${row}.${name}) THEN NULL ELSE ${row}.${name} END`
}

function trigger(name: string, when: string, body: readonly string[]): readonly string[] {
  return body.length === 0
    ? []
    : [`CREATE TEMP TRIGGER ${quote(`${ownPrefix}${name}`)} ${when} BEGIN ${body.join(' ')} END`]
}

/** Of several rows that are copied at once, one may lead to another through its own keys; that one comes a second time then. */
function onceTrigger(table: ShadowTable): readonly string[] {
  const original = quote(originalName(table.name))
  const isThere = `EXISTS (SELECT 1 FROM ${original} AS o WHERE ${isOriginal(table, 'NEW')})`
  return trigger(`once_${table.name}`, `BEFORE INSERT ON main.${original} WHEN ${isThere}`, ['SELECT RAISE(IGNORE);'])
}

function copyTrigger(table: ShadowTable): string {
  const columns = writtenColumns(table).map(({ name }) => quote(name))
  const local = quote(localName(table.name))
  const number = table.rowNumber === undefined ? [] : [table.rowNumber]
  const insert =
    `INSERT INTO ${local} (${[...number, ...columns].join(', ')}) ` +
    `VALUES (${[...number.map((name) => freeNumber(local, name, 'NEW')), ...columns.map((column) => `NEW.${column}`)].join(', ')});`
  return trigger(`copy_${table.name}`, `AFTER INSERT ON main.${quote(originalName(table.name))}`, [insert]).join('')
}

/** A view into which keys are inserted. Through a trigger the copies change neither `changes()` nor the last id. */
function touchOf(table: ShadowTable): readonly string[] {
  const keys = table.primaryKey.map(({ name }) => quote(name))
  const view = quote(touchName(table.name))
  return [
    `CREATE TEMP VIEW ${view} AS SELECT ${keys.join(', ')} FROM main.${quote(originalName(table.name))}`,
    ...trigger(`touch_${table.name}_row`, `INSTEAD OF INSERT ON ${view}`, [
      copy(table, isSame(table.primaryKey, 'b', 'NEW')),
    ]),
  ]
}

/** Rows of the base that have a key which a row is about to get, so that the engine itself finds the conflict. */
function keyTriggers(table: ShadowTable): readonly string[] {
  const keys = [table.primaryKey, ...table.uniqueKeys]
  const local = `main.${quote(localName(table.name))}`
  const columns = keys.flat().map(({ name }) => name)
  const { numbered, rowNumber } = table
  return [
    ...trigger(`key_${table.name}_insert`, `BEFORE INSERT ON ${local}`, [
      ...outdatedCheck(table),
      ...keys.map((key) => copy(table, hasKey(table, key))),
    ]),
    ...trigger(
      `key_${table.name}_update`,
      beforeUpdate(table, columns, local),
      keys.map((key) => copy(table, `${isChanged(key)} AND ${hasKey(table, key)}`)),
    ),
    ...(numbered === undefined ? [] : numberTrigger(table, quote(numbered), local)),
    ...(rowNumber === undefined ? [] : numberTrigger(table, rowNumber, local)),
  ]
}

/** Asks for no rows. What it reads must be as it was when the triggers were made: see `viewOf`. */
function outdatedCheck({ name, storage }: ShadowTable): readonly string[] {
  return storage === 'augment' ? [`SELECT 1 FROM ${quote(name)} WHERE 0;`] : []
}

/** Calculated columns change without being named, and the number of a row has names of its own. */
function beforeUpdate(
  { columns: all, numbered, rowNames }: ShadowTable,
  columns: readonly string[],
  local: string,
): string {
  const isCalculated = all.some(({ name, isGenerated }) => isGenerated && columns.includes(name))
  const names = numbered !== undefined && columns.includes(numbered) ? [...columns, ...(rowNames ?? [])] : columns
  return `BEFORE UPDATE ${isCalculated ? '' : `OF ${[...new Set(names.map(quote))].join(', ')} `}ON ${local}`
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

function hasKey(table: ShadowTable, key: readonly KeyColumn[]): string {
  return key
    .map(
      ({ name, collation }) =>
        `${baseValue(table, name)}${collation === undefined ? '' : ` COLLATE ${quote(collation)}`} = ${given(table, name)}`,
    )
    .join(' AND ')
}

/** What a column is about to get. REPLACE takes the default instead of a NULL that cannot be; a trigger sees the NULL still. */
function given({ columns }: ShadowTable, column: string): string {
  const { isRequired, preset } = columns.find(({ name }) => name === column) ?? {}
  const value = `NEW.${quote(column)}`
  return isRequired && preset !== undefined ? `ifnull(${value}, ${preset})` : value
}

function isChanged(key: readonly KeyColumn[]): string {
  return `(${key.map(({ name }) => `NEW.${quote(name)} IS NOT OLD.${quote(name)}`).join(' OR ')})`
}

/**
 * A value of a child as its foreign key compares it with a column of the parent: by the affinity of that column. Where the parent's has none,
 * the child's would count instead, and `'1'` be taken for `1` (https://sqlite.org/foreignkeys.html, section 3; datatype3.html, 4.2).
 */
function asKey({ columns }: ShadowTable, referenced: string, value: string): string {
  const column = columns.find(({ name }) => name.toLowerCase() === referenced.toLowerCase())
  const isFree = column !== undefined && (column.isAny === true || hasNoAffinity(column.type))
  return isFree ? `+${value}` : value
}

/** https://sqlite.org/datatype3.html, 3.1. */
function hasNoAffinity(type: string): boolean {
  return type.trim() === '' || (/blob/i.test(type) && !/int|char|clob|text/i.test(type))
}

/** Rows of the base that a row is about to refer to. */
function parentTriggers(table: ShadowTable, kept: ReadonlyMap<string, ShadowTable>): readonly string[] {
  const stored = storedName(table)
  const parents = table.foreignKeys.flatMap((key) => {
    const parent = kept.get(key.table.toLowerCase())
    return parent === undefined ? [] : [{ key, parent }]
  })
  const columns = parents.flatMap(({ key }) => key.columns)
  const body = parents.map(({ key, parent }) =>
    copy(
      parent,
      key.referenced
        .map(
          (name, place) =>
            `${baseValue(parent, name)} = ${asKey(parent, name, given(table, key.columns[place] ?? ''))}`,
        )
        .join(' AND '),
    ),
  )
  return [
    ...trigger(`parent_${table.name}_insert`, `BEFORE INSERT ON main.${quote(stored)}`, body),
    ...trigger(`parent_${table.name}_update`, beforeUpdate(table, columns, `main.${quote(stored)}`), body),
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
  const columns = children.flatMap(({ key }) => key.referenced)
  // The parent's column first: by its collation they are the same, or not.
  const refers = (child: ShadowTable, { columns: own, referenced }: ForeignKey): string =>
    own
      .map((name, place) => {
        const parents = referenced[place] ?? ''
        return `OLD.${quote(parents)} = ${asKey(table, parents, baseValue(child, name))}`
      })
      .join(' AND ')
  return [
    ...trigger(
      `child_${table.name}_delete`,
      `BEFORE DELETE ON ${local}`,
      children.map(({ child, key }) => copy(child, refers(child, key))),
    ),
    ...trigger(
      `child_${table.name}_update`,
      beforeUpdate(table, columns, local),
      children.map(({ child, key }) =>
        copy(
          child,
          `(${key.referenced.map((name) => `NEW.${quote(name)} IS NOT OLD.${quote(name)}`).join(' OR ')}) AND ${refers(child, key)}`,
        ),
      ),
    ),
  ]
}

/**
 * Does nothing. SQLite does not check a foreign key with ON DELETE SET NULL if that action is the last trigger that it has compiled for a
 * statement (`isSetNullAction` in its fkey.c), and it compiles the action where REPLACE might delete a parent: in the copies of a REPLACE,
 * too. This one is compiled with the action, and later.
 */
function lastTriggers(table: ShadowTable): readonly string[] {
  return table.foreignKeys.flatMap(({ columns, setsNull }, number) =>
    setsNull
      ? trigger(`last_${table.name}_${number}`, beforeUpdate(table, columns, `main.${quote(storedName(table))}`), [
          'SELECT 1;',
        ])
      : [],
  )
}

/** What a foreign key would do to rows of a table that is shown as the base has it. */
function guardTriggers({ name }: ShadowTable): readonly string[] {
  const message = text(`${name} is shown as the base has it, and a foreign key would change its rows`)
  const local = `main.${quote(localName(name))}`
  return ['UPDATE', 'DELETE'].flatMap((verb) =>
    trigger(`guard_${name}_${verb.toLowerCase()}`, `BEFORE ${verb} ON ${local}`, [`SELECT RAISE(ABORT, ${message});`]),
  )
}
