import type { FieldPacket, ResultSetHeader } from 'mysql2'

import type { Position } from '../../topology/position.ts'
import type { DriverResult, Field } from '../driver.ts'
import { trackedPosition } from './tracked-position.ts'

/** What mysql2 gives to a callback: rows or a header, or, of CALL, an array of these. */
export type NativeRows = readonly unknown[] | ResultSetHeader
export type NativeFields = readonly (FieldPacket | readonly FieldPacket[] | undefined)[] | undefined

/** mysql2's answer; `native` is the pair `[rows or header, fields]` that its promise API returns. */
export class MysqlResult implements DriverResult {
  readonly rows: readonly unknown[]
  readonly rowCount: number
  readonly insertId: number | undefined
  readonly native: readonly [NativeRows, NativeFields]

  constructor(native: NativeRows, nativeFields: NativeFields) {
    this.native = [native, nativeFields]
    if (isHeader(native)) {
      this.rows = []
      this.rowCount = native.affectedRows
      this.insertId = native.insertId === 0 ? undefined : native.insertId
    } else {
      this.rows = hasSeveral(nativeFields) ? firstRows(native) : native
      this.rowCount = this.rows.length
      this.insertId = undefined
    }
  }

  get position(): Position | undefined {
    const [header] = this.native
    return isHeader(header) ? trackedPosition(header) : undefined
  }

  get fields(): readonly Field[] {
    const [, given] = this.native
    const fields = hasSeveral(given) ? given?.find((each) => Array.isArray(each)) : given
    return Array.isArray(fields) ? fields.map(describe) : []
  }
}

function isHeader(native: NativeRows): native is ResultSetHeader {
  return !Array.isArray(native)
}

/** True for the answer to CALL, which has the fields of each result, and nothing for the header at its end. */
function hasSeveral(fields: NativeFields): boolean {
  return fields !== undefined && fields.length > 0 && (fields[0] === undefined || Array.isArray(fields[0]))
}

function firstRows(results: readonly unknown[]): readonly unknown[] {
  return results.find((each) => Array.isArray(each)) ?? []
}

function describe(native: FieldPacket): Field {
  return { name: native.name, native }
}
