import type { DriverResult, Field } from '../driver.ts'
import type { NativeAnswer } from './native.ts'

/** The answer in the driver's shape. Of a text with several statements the last one's rows count; `native` has all. */
export function driverResult(native: NativeAnswer): DriverResult {
  const last = Array.isArray(native) ? native[native.length - 1]! : native
  const fields: Field[] = []
  for (const field of last.fields) fields.push({ name: field.name, native: field })
  return { rows: last.rows, rowCount: last.rowCount ?? last.rows.length, fields, native }
}
