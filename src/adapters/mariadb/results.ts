import { Column, type NativeColumn } from './columns.ts'
import { asMariadb, type ValueOptions } from './values.ts'

/** The answer to a statement without rows. */
export class OkPacket {
  readonly affectedRows: number
  readonly insertId: bigint | number
  readonly warningStatus: number

  constructor(affectedRows: number, insertId: bigint | number, warningStatus: number) {
    this.affectedRows = affectedRows
    this.insertId = insertId
    this.warningStatus = warningStatus
  }
}

interface Header {
  readonly affectedRows?: number | string
  readonly insertId?: number | string
  readonly warningStatus?: number
}

/** SET_FLAG */
const setFlag = 2048

/** What mysql2 has answered, as `mariadb` would have. */
export function asMariadbResult(rows: unknown, fields: unknown, options: ValueOptions): unknown {
  if (!Array.isArray(rows)) return okPacket(rows as Header, options)
  const given = Array.isArray(fields) ? (fields as readonly unknown[]) : []
  if (given.some((each) => each === undefined || Array.isArray(each)))
    return rows.map((each, i) => asMariadbResult(each, given[i], options))
  return withMeta(rows, given as readonly NativeColumn[], options)
}

function okPacket({ affectedRows, insertId, warningStatus }: Header, options: ValueOptions): OkPacket {
  const id = BigInt(insertId ?? 0)
  return new OkPacket(
    Number(affectedRows ?? 0),
    options.insertIdAsNumber === true ? Number(id) : id,
    warningStatus ?? 0,
  )
}

function withMeta(rows: unknown[], natives: readonly NativeColumn[], options: ValueOptions): unknown {
  const columns = natives.map((native) => new Column(native))
  convert(rows, natives, columns, options)
  if (options.metaAsArray === true) return [rows, columns]
  return Object.defineProperty(rows, 'meta', { value: columns, writable: true, configurable: true })
}

function convert(
  rows: readonly unknown[],
  natives: readonly NativeColumn[],
  columns: readonly Column[],
  options: ValueOptions,
): void {
  const changed = columns.flatMap(({ type: called, dataTypeFormat, columnLength: length, flags }, i) => {
    const isSet = (flags & setFlag) !== 0
    const ofText = dataTypeFormat === 'json' ? 'JSON' : called
    const type = isSet ? 'SET' : ofText
    // With a function of the user's own each value went through it, which is not told of sets.
    const mayChange =
      options.typeCast === undefined
        ? /^(?:BIGINT|(?:NEW)?DECIMAL|BIT|JSON|TIME|DATETIME|TIMESTAMP|SET)$/.test(type)
        : isSet
    // Of columns with one name in an object there is the last one alone.
    const isHidden = options.rowsAsArray !== true && natives.findLastIndex((each) => isSame(each, natives[i]!)) > i
    return mayChange && !isHidden ? [{ i, kind: { type, length } }] : []
  })
  if (changed.length === 0) return
  for (const row of rows)
    for (const { i, kind } of changed) {
      const cell = cellOf(row, natives[i]!, i, options)
      if (cell !== undefined) cell.holder[cell.key] = asMariadb(cell.holder[cell.key], kind, options)
    }
}

function isSame(one: NativeColumn, other: NativeColumn): boolean {
  return one.name === other.name && one.table === other.table
}

/** Where a value stands in its row. */
function cellOf(
  row: unknown,
  { name, table = '' }: NativeColumn,
  place: number,
  { rowsAsArray, nestTables }: ValueOptions,
): { readonly holder: Record<string | number, unknown>; readonly key: string | number } | undefined {
  const holder = row as Record<string | number, unknown>
  if (rowsAsArray === true) return { holder, key: place }
  if (typeof nestTables === 'string') return { holder, key: `${table}${nestTables}${name}` }
  if (nestTables !== true) return { holder, key: name }
  const nested = holder[table] as Record<string, unknown> | undefined
  return nested && { holder: nested, key: name }
}
