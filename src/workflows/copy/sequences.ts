import { quotedName, quotedTable } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import type { TablePair } from './column-pairs.ts'
import type { Place } from './place.ts'

/**
 * Moves the sequences of copied columns behind the highest value of the column, so that the next row that is inserted gets a number of its own. Never back. The
 * other engines do so by themselves.
 */
export async function advanceSequences(place: Place, table: TableName, { pairs }: TablePair): Promise<void> {
  for (const { to } of pairs) {
    if (place.engine !== 'postgres' || to.sequence === undefined) continue
    const highest = `select max(${quotedName('postgres', to.name)})::bigint as n from ${quotedTable('postgres', table)}`
    await place.query(
      `select setval($1::regclass, h.n) from (${highest}) h, ${to.sequence} s where h.n > s.last_value or (h.n = s.last_value and not s.is_called)`,
      [to.sequence],
      'write',
    )
  }
}
