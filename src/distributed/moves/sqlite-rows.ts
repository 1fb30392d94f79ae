import { quotedTable } from '../../statement/quotes.ts'
import type { Send } from './row-texts.ts'
import { TextWithValues } from './row-texts.ts'
import type { RowValues } from './row-move.ts'
import type { TableName } from '../../topology/table-map.ts'

/** How many rows the key names. The whole file is locked by the transaction, once it writes. */
export async function countRows(send: Send, table: TableName, key: RowValues): Promise<number> {
  const text = new TextWithValues('sqlite')
  const sql = `select 1 from ${quotedTable('sqlite', table)} where ${text.condition(key)}`
  return (await send(sql, text.params, 'write')).rows.length
}
