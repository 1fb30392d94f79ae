import {
  localName,
  originalName,
  ownPrefix,
  type KeyColumn,
  type ShadowColumn,
  type TableFacts,
} from '../shadow-table.ts'
import { quote } from './quote.ts'

/** What is known of a table whose rows of the base may be hidden. */
type Keyed = Pick<TableFacts, 'name' | 'columns' | 'primaryKey' | 'numbered' | 'rowNames'>

/** The keys of all rows that the local tables have, or have had. Rows whose keys are NULL have no place in it. */
export function knownName(table: string): string {
  return `${ownPrefix}known_${table}`
}

/**
 * Makes the table of known keys, and the triggers that fill it. What is shown asks it once for each row of the base: that of an unknown
 * key is. Known keys stay known when their row goes: with any trigger behind deletions, SQLite checks the row that an UPDATE OR REPLACE
 * has changed against itself, and fails. The triggers last, so that they hold on every connection.
 *
 * What a statement says overrides an inner OR IGNORE, so they look before they insert.
 */
export function knownKeysSql(table: Keyed): readonly string[] {
  const { name, columns, primaryKey, numbered, rowNames = [] } = table
  const known = quote(knownName(name))
  const names = primaryKey.map((key) => quote(key.name))
  const declared = primaryKey.map((key) => declarationOf(key, columns))
  const isGiven = names.map((key) => `NEW.${key} IS NOT NULL`).join(' AND ')
  const note =
    `INSERT INTO ${known} (${names.join(', ')}) SELECT ${names.map((key) => `NEW.${key}`).join(', ')} ` +
    `WHERE ${isGiven} AND NOT EXISTS (SELECT 1 FROM ${known} AS k WHERE ${isKey(primaryKey, 'NEW')});`
  const trigger = (event: string, when: string): string =>
    `CREATE TRIGGER ${quote(`${ownPrefix}known_${name}_${event}`)} ${when} BEGIN ${note} END`
  const local = quote(localName(name))
  const changing = [...names, ...(numbered === undefined ? [] : rowNames.map(quote))].join(', ')
  return [
    `CREATE TABLE ${known} (${declared.join(', ')}, PRIMARY KEY (${names.join(', ')}))${numbered === undefined ? ' WITHOUT ROWID' : ''}`,
    // Before: its copy asks what is shown.
    trigger('copied', `BEFORE INSERT ON ${quote(originalName(name))}`),
    trigger('added', `AFTER INSERT ON ${local}`),
    trigger('moved', `AFTER UPDATE OF ${changing} ON ${local}`),
  ]
}

function declarationOf({ name, collation }: KeyColumn, columns: readonly ShadowColumn[]): string {
  const { type = '', isAny } = columns.find((column) => column.name === name) ?? {}
  return `${quote(name)} ${isAny ? '' : type}${collation === undefined ? '' : ` COLLATE ${quote(collation)}`}`
}

/** That the key of a row is not NULL and not known. Of the number of a row SQLite asks the table itself, without a query. */
export function isUnknown({ name, primaryKey, numbered }: Keyed, row: string): string {
  const known = `main.${quote(knownName(name))}`
  if (numbered !== undefined) return `${row}.${quote(numbered)} NOT IN (SELECT ${quote(numbered)} FROM ${known})`
  const given = primaryKey
    .filter(({ isNullable }) => isNullable)
    .map((key) => `${row}.${quote(key.name)} IS NOT NULL AND `)
  return `${given.join('')}NOT EXISTS (SELECT 1 FROM ${known} AS k WHERE ${isKey(primaryKey, row)})`
}

function isKey(key: readonly KeyColumn[], row: string): string {
  return key.map(({ name }) => `k.${quote(name)} = ${row}.${quote(name)}`).join(' AND ')
}
