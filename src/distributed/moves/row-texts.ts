import type { Engine } from '../../drivers/driver.ts'
import { mark } from '../../statement/parameter-marks.ts'
import { quotedName, quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import type { RowValues } from './row-move.ts'

/** Sends a text to one shard, within the transaction. Rows come as arrays. */
export type Send = (
  sql: string,
  params?: readonly unknown[],
  effect?: 'read' | 'write' | 'session',
) => Promise<{ readonly rows: readonly (readonly unknown[])[]; readonly rowCount: number }>

export interface Column {
  readonly name: string
  /** With length, precision and character set: equal texts mean equal types. */
  readonly type: string
  /** The server computes it. */
  readonly generated: boolean
}

/** How rows are moved on one engine. What finds a locked row again is `Row`. */
export interface RowMover<Row> {
  /** None: there is no such table. */
  columns(send: Send, table: TableName): Promise<readonly Column[]>
  /** All rows that the key names, locked against changes. */
  lock(send: Send, table: TableName, key: RowValues): Promise<readonly Row[]>
  /** The values of these columns, in a form that `insert` gives to another server as exactly the same. */
  read(send: Send, table: TableName, columns: readonly Column[], row: Row): Promise<readonly unknown[]>
  /** `values`: what `read` gave for the columns; `set`: the caller's own, of other columns. The number of rows that are new. */
  insert(
    send: Send,
    table: TableName,
    columns: readonly Column[],
    values: readonly unknown[],
    set: ReadonlyMap<Column, unknown>,
  ): Promise<number>
  /** The number of rows that are gone. */
  remove(send: Send, table: TableName, row: Row): Promise<number>
  /** Tables with rows that would be deleted or changed with the row, by their foreign keys, without anybody's being told. */
  dependants(send: Send, table: TableName, row: Row): Promise<readonly string[]>
  /** Whether a copy of a row, other than it in these columns only, would break a unique index. */
  collides(send: Send, table: TableName, changed: readonly string[]): Promise<boolean>
}

/** A text in the making: values become parameters. */
export class TextWithValues {
  readonly params: unknown[] = []
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  value(value: unknown): string {
    const number = this.params.push(value)
    return mark(this.#engine, number)
  }

  /** `a = $1 and b is null`. `prefix`: what stands in front of each column. */
  condition(key: RowValues, prefix = ''): string {
    return Object.entries(key)
      .map(([column, value]) => {
        const name = `${prefix}${quotedName(this.#engine, column)}`
        return value === null ? `${name} is null` : `${name} = ${this.value(value)}`
      })
      .join(' and ')
  }
}

/** Changes a row where it is. The number of rows that were. */
export async function updateRow(
  engine: Engine,
  send: Send,
  table: TableName,
  { key, set }: { readonly key: RowValues; readonly set: RowValues },
): Promise<number> {
  const text = new TextWithValues(engine)
  const assigned = Object.entries(set).map(([column, value]) => `${quotedName(engine, column)} = ${text.value(value)}`)
  const sql = `update ${quotedTable(engine, table)} set ${assigned.join(', ')} where ${text.condition(key)}`
  return (await send(sql, text.params, 'write')).rowCount
}
