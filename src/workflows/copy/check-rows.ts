import { shown, type TablePair } from './column-pairs.ts'
import { addToChecksum } from './checksum.ts'
import { CopyMismatchError } from './errors.ts'
import type { Place } from './place.ts'
import { keyText } from './row-keys.ts'
import type { CopiedRow, RowWriter } from './row-writer.ts'
import type { ColumnCodec } from './values/codec.ts'
import { ValueRefused, type Canonical, type RawValue } from './values/kind.ts'

/**
 * Reads the rows again that were written, and compares each with what it is to be. Gives the sum with theirs. Throws `CopyMismatchError` for the
 * first that is missing, or other.
 */
export async function checkRows(
  place: Place,
  pair: TablePair,
  writer: RowWriter,
  rows: readonly CopiedRow[],
  sum: bigint,
): Promise<bigint> {
  const items = pair.pairs.map(({ target }) => target.read).join(', ')
  const found = new Map<string, CopiedRow>()
  const keys = pair.key.map((each) => pair.pairs.indexOf(each))
  for (const row of await writer.readBack(rows, items)) {
    const values = pair.pairs.map(({ target }, index) => whatIsThere(target, row[index]!))
    found.set(keyText(keys.map((index) => values[index]!)), values)
  }
  let total = sum
  for (const row of rows) {
    const key = writer.keyOf(row)
    const there = found.get(key)
    if (there === undefined) {
      const isThere = rows.filter((each) => found.has(writer.keyOf(each)))
      throw missing(place, pair, key, rows.length, isThere.length)
    }
    for (const [index, each] of pair.pairs.entries()) {
      if (each.holds(row[index]!, there[index]!)) continue
      throw new CopyMismatchError(
        `${pair.name}.${each.name} of the row ${key} was to be ${shown(row[index])}, and is ${shown(there[index])} in "${place.database}" (${each.from.type || 'no type'} to ` +
          `${each.to.type || 'no type'}). The rows of this transaction were rolled back. The type may not hold the value, or a trigger has changed it.`,
        { table: pair.name, expected: shown(row[index]), found: shown(there[index]) },
        { database: place.database },
      )
    }
    total = addToChecksum(total, row)
  }
  return total
}

/** A value that is none of its column's is none that was to be there, either. */
function whatIsThere(codec: ColumnCodec, raw: RawValue): Canonical {
  try {
    return codec.decode(raw)
  } catch (error) {
    if (error instanceof ValueRefused) return String(raw)
    throw error
  }
}

function missing(place: Place, pair: TablePair, key: string, expected: number, found: number): CopyMismatchError {
  return new CopyMismatchError(
    `The row ${key} of ${pair.name} was written to "${place.database}", and is not there: ${found} of ${expected} rows are. The rows of this transaction ` +
      'were rolled back. A trigger may stand in the way, or the other database takes several keys for one.',
    { table: pair.name, expected: String(expected), found: String(found) },
    { database: place.database },
  )
}
