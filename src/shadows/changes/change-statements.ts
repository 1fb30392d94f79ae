import type { ShadowTable } from '../shadow-table.ts'
import type { ChangeStep } from './change-order.ts'
import { changedColumns, comparedColumns, keyOf, valuesOf, type RowChange, type RowValues } from './row-change.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/** One statement with the values of its parameters. */
export interface ChangeStatement {
  readonly sql: string
  readonly params: RowValues
}

/** The statement that makes a step on another database. Pure. */
export function statementOf(step: ChangeStep, texts: ShadowTexts): ChangeStatement {
  const params: unknown[] = []
  const sql = written(step, texts, (value) => {
    params.push(value)
    return texts.placeholder(params.length)
  })
  return { sql, params }
}

/** The same with its values in the text. */
export function textOfStep(step: ChangeStep, texts: ShadowTexts): string {
  return `${written(step, texts, texts.literal)};`
}

type Write = (value: unknown) => string

function written(step: ChangeStep, texts: ShadowTexts, write: Write): string {
  const { change } = step
  const { table, before, after } = change
  const name = texts.target(table)
  if (step.kind === 'park') {
    const set = step.columns.map((column) => `${texts.quote(column)} = NULL`)
    return `UPDATE ${name} SET ${set.join(', ')} WHERE ${keyCondition(change, texts, write)}`
  }
  if (after === undefined) return `DELETE FROM ${name} WHERE ${keyCondition(change, texts, write)}`
  if (before === undefined) {
    const columns = comparedColumns(table)
    const values = after.map(write).join(', ')
    return `INSERT INTO ${name} (${columns.map(texts.quote).join(', ')})${texts.overriding} VALUES (${values})`
  }
  const columns = changedColumns(table, before, after)
  const values = valuesOf(table, after, columns)
  const set = columns.map((column, place) => `${texts.quote(column)} = ${write(values[place])}`)
  return `UPDATE ${name} SET ${set.join(', ')} WHERE ${keyCondition(change, texts, write)}`
}

function keyCondition(change: RowChange, texts: ShadowTexts, write: Write): string {
  const values = keyOf(change)
  return change.table.primaryKey
    .map(({ name }, place) => `${texts.quote(name)} = ${write(values[place])}`)
    .join(' AND ')
}

/**
 * What a change is compared with where it is to be made: a row, if there is one with its key, that says of `as_before` and `as_after`
 * whether it is as the change found it, and as it leaves it. `isLocking`: nobody changes it until the end of the transaction.
 */
export function comparisonOf(change: RowChange, texts: ShadowTexts, isLocking: boolean): ChangeStatement {
  const params: unknown[] = []
  const write: Write = (value) => {
    params.push(value)
    return texts.placeholder(params.length)
  }
  const { table, before, after } = change
  const byName = new Map(table.columns.map((column) => [column.name, column]))
  const columns = comparedColumns(table).map((name) => byName.get(name)!)
  const same = (row: RowValues | undefined): string =>
    row === undefined
      ? '0'
      : `CASE WHEN ${columns.map((column, place) => texts.has(column, write(row[place]))).join(' AND ')} THEN 1 ELSE 0 END`
  const select = `SELECT ${same(before)} AS as_before, ${same(after)} AS as_after`
  const from = `FROM ${texts.target(table)} WHERE ${keyCondition(change, texts, write)}`
  return { sql: `${select} ${from}${isLocking ? texts.locking : ''}`, params }
}

/** The row with the key of a change as it is there, its values named `v0`, `v1`, … */
export function rowQuery(change: RowChange, texts: ShadowTexts): ChangeStatement {
  const params: unknown[] = []
  const columns = comparedColumns(change.table).map((column, place) => `${texts.quote(column)} AS v${place}`)
  const condition = keyCondition(change, texts, (value) => {
    params.push(value)
    return texts.placeholder(params.length)
  })
  return { sql: `SELECT ${columns.join(', ')} FROM ${texts.target(change.table)} WHERE ${condition}`, params }
}

/** Counts, as `n`, the rows that refer to the one which a change deletes, or takes from its key; `undefined`: none can. */
export function referringQuery(
  change: RowChange,
  child: ShadowTable,
  place: number,
  texts: ShadowTexts,
): ChangeStatement | undefined {
  const { table, before, after } = change
  const key = child.foreignKeys[place]
  if (before === undefined || key === undefined || key.table.toLowerCase() !== table.name.toLowerCase())
    return undefined
  const was = valuesOf(table, before, key.referenced)
  const touched = after === undefined ? key.referenced : changedColumns(table, before, after)
  if (was.includes(null) || was.includes(undefined) || !key.referenced.some((column) => touched.includes(column)))
    return undefined
  const params = [...was]
  const refers = key.columns.map((column, at) => `${texts.quote(column)} = ${texts.placeholder(at + 1)}`).join(' AND ')
  const own = keyCondition(change, texts, (value) => {
    params.push(value)
    return texts.placeholder(params.length)
  })
  const others = child.name === table.name ? ` AND NOT (${own})` : ''
  if (others === '') params.length = was.length
  return { sql: `SELECT count(*) AS n FROM ${texts.target(child)} WHERE ${refers}${others}`, params }
}
