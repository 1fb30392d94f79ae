import type { AddedColumn, AddedColumns } from '../../statement/shape/added-columns.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { Perform, ShadowStep } from '../shadow-dialect.ts'
import { refusal } from '../refusal.ts'
import { localName, originalName, touchName, type ShadowColumn, type ShadowTable } from '../shadow-table.ts'
import { recordedValue, recordingSql } from './column-record.ts'
import { baseSchema, isShown, presetText } from './overlay.ts'
import { quote } from './quote.ts'
import { readFacts, type Ask } from './read-tables.ts'
import { renewOverlay } from './renew-overlay.ts'

/**
 * `ALTER TABLE … ADD COLUMN` of an augmented table: the local table gets the column, and rows of the base show its default. Whether it can
 * be added depends on the rows: an empty table takes what one with rows does not. So the engine is asked with a row of the base beside the
 * local ones first; and again with the row of the base that breaks a CHECK, if there is one.
 */
export function addingStep(
  sql: string,
  added: AddedColumns,
  table: ShadowTable,
  catalogue: ShadowCatalogue,
): ShadowStep {
  const [column] = added.columns
  if (column === undefined) throw refusal(catalogue, `how the statement changes ${table.name} is not understood.`)
  const alter = localText(sql, added, column, table, catalogue)
  const definition = sql.slice(column.definition.start, column.definition.end)
  const checks = column.checks.map(({ start, end }) => sql.slice(start, end))
  const perform: Perform = async (run) => {
    const ask: Ask = async (each) => (await run(each)).rows as Awaited<ReturnType<Ask>>
    // Older than the table are the views of a connection on which nothing has run since another one added a column.
    await renewOverlay(ask)
    await ask('SAVEPOINT signalbox_trial')
    const keys = table.primaryKey.map(({ name }) => `b.${quote(name)}`).join(', ')
    await ask(
      touch(table, `SELECT ${keys} FROM ${baseSchema}.${quote(table.name)} AS b WHERE ${isShown(table)} LIMIT 1`),
    )
    await ask(alter)
    const made = await lastColumn(table, ask)
    if (made.isGenerated)
      throw refusal(
        catalogue,
        `${column.name} would be calculated from values of two databases. Add a column that is given its values, or declare ${table.name} "replace".`,
      )
    const preset = await presetOf(table, made, ask)
    await ask('ROLLBACK TO signalbox_trial')
    const answer = await run(alter)
    for (const each of keptSql(table, made, preset, definition)) await ask(each)
    await renewOverlay(ask)
    const broken = checks.length === 0 ? undefined : await brokenKey(table, checks, ask)
    if (broken !== undefined) {
      await ask('ROLLBACK TO signalbox_trial')
      await ask(touch(table, `VALUES (${broken})`))
      await ask(alter)
      throw refusal(catalogue, `a row of ${table.name} with the key ${broken} breaks the CHECK of ${column.name}.`)
    }
    await ask('RELEASE signalbox_trial')
    return answer
  }
  return { sql: alter, touches: [], perform }
}

/** The text with the names of the local tables. */
function localText(
  sql: string,
  { target }: AddedColumns,
  { references }: AddedColumn,
  table: ShadowTable,
  catalogue: ShadowCatalogue,
): string {
  let text = `${sql.slice(0, target.start)}main.${quote(localName(table.name))}`
  let from = target.end
  for (const { span, name } of references) {
    const parent = catalogue.table({ name })
    if (parent === undefined && catalogue.kindOf({ name }) === 'base')
      throw refusal(
        catalogue,
        `${table.name} cannot refer to ${name}, whose rows are those of "${catalogue.base}" alone. Declare it in the shadow: tables: { ${name}: 'augment' }.`,
      )
    const isLaidOver = parent !== undefined && parent.storage !== 'replace'
    text += sql.slice(from, span.start) + (isLaidOver ? quote(localName(parent.name)) : sql.slice(span.start, span.end))
    from = span.end
  }
  return text + sql.slice(from)
}

/** Copies the rows of the base with these keys, if they are shown. */
function touch({ name, primaryKey }: ShadowTable, keys: string): string {
  return `INSERT INTO temp.${quote(touchName(name))} (${primaryKey.map((key) => quote(key.name)).join(', ')}) ${keys}`
}

async function lastColumn({ name }: ShadowTable, ask: Ask): Promise<ShadowColumn> {
  const { columns } = await readFacts(ask, 'main', name, localName(name))
  return columns.at(-1)!
}

/** What rows of the base show in a column. */
interface Preset {
  readonly literal: string
  /** The same with the affinity of the column: views whose halves differ in that are read whole before they are sorted. */
  readonly expression: string
}

/** The default as the engine stores it in the rows that are there. `last_insert_rowid()` tells nothing of a table without row numbers. */
async function presetOf(
  { name: table }: ShadowTable,
  { name, type, isAny, preset }: ShadowColumn,
  ask: Ask,
): Promise<Preset> {
  // https://www.sqlite.org/datatype3.html#determination_of_column_affinity
  const isBlob = isAny || type === '' || (/blob/i.test(type) && !/int|char|clob|text/i.test(type))
  const cast = (value: string): string => `CAST(${value} AS ${isBlob ? 'BLOB' : type})`
  const options = `WITHOUT ROWID${isAny ? ', STRICT' : ''}`
  await ask(
    `CREATE TEMP TABLE signalbox_preset (n INTEGER PRIMARY KEY, v ${type} DEFAULT ${presetText(preset)}) ${options}`,
  )
  await ask('INSERT INTO temp.signalbox_preset (n) VALUES (1)')
  const [row] = await ask(
    `SELECT quote(v) AS v, ${cast('v')} IS v AND typeof(${cast('v')}) = typeof(v) AS is_kept FROM temp.signalbox_preset`,
  )
  const literal = String(row?.['v'])
  // A cast makes bytes of anything, and of a text that is no number 0: a column leaves both as they are.
  if (Number(row?.['is_kept']) === 1) return { literal, expression: cast(literal) }
  return { literal, expression: isBlob ? recordedValue(table, name) : literal }
}

/** The table of originals has the column, too: what a row of the base has shown in it. */
function keptSql(
  { name: table }: ShadowTable,
  { name, type, isAny }: ShadowColumn,
  { literal, expression }: Preset,
  definition: string,
): readonly string[] {
  return [
    `ALTER TABLE main.${quote(originalName(table))} ADD COLUMN ${quote(name)} ${isAny ? '' : type} DEFAULT ${presetText(literal)}`,
    ...recordingSql(table, { name, preset: expression, definition }, literal),
  ]
}

/** The key of a row that is shown and breaks a CHECK, as literals; `undefined`: there is none. */
async function brokenKey(table: ShadowTable, checks: readonly string[], ask: Ask): Promise<string | undefined> {
  const name = quote(table.name)
  const key = table.primaryKey.map((column) => `quote(${quote(column.name)})`).join(` || ', ' || `)
  const breaks = checks.map((check) => `NOT (${check}\n)`).join(' OR ')
  const [row] = await ask(`SELECT ${key} AS broken FROM temp.${name} AS ${name} WHERE ${breaks} LIMIT 1`)
  return row && String(row['broken'])
}
