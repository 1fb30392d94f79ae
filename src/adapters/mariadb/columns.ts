/** The description of a column as mysql2 gives it. */
export interface NativeColumn {
  readonly name: string
  readonly orgName?: string
  readonly table?: string
  readonly orgTable?: string
  readonly schema?: string
  readonly columnType: number
  readonly columnLength: number
  readonly decimals?: number
  readonly flags: number
  readonly characterSet: number
  readonly extendedFormat?: string | undefined
}

/** Names of types that `mariadb` and mysql2 call otherwise, by their number in the protocol. */
const names: Readonly<Record<number, string>> = {
  0: 'DECIMAL',
  1: 'TINY',
  2: 'SHORT',
  3: 'INT',
  4: 'FLOAT',
  5: 'DOUBLE',
  6: 'NULL',
  7: 'TIMESTAMP',
  8: 'BIGINT',
  9: 'INT24',
  10: 'DATE',
  11: 'TIME',
  12: 'DATETIME',
  13: 'YEAR',
  14: 'NEWDATE',
  15: 'VARCHAR',
  16: 'BIT',
  17: 'TIMESTAMP2',
  18: 'DATETIME2',
  19: 'TIME2',
  245: 'JSON',
  246: 'NEWDECIMAL',
  247: 'ENUM',
  248: 'SET',
  249: 'TINY_BLOB',
  250: 'MEDIUM_BLOB',
  251: 'LONG_BLOB',
  252: 'BLOB',
  253: 'VAR_STRING',
  254: 'STRING',
  255: 'GEOMETRY',
}

/** A column, described as `mariadb` does. */
export class Column {
  readonly type: string
  /** `json`: on MariaDB it is a text that is known to be JSON. */
  readonly dataTypeFormat: string | undefined
  readonly columnType: number
  readonly columnLength: number
  readonly scale: number
  readonly flags: number
  readonly collation: { readonly index: number }
  readonly #native: NativeColumn

  constructor(native: NativeColumn) {
    this.#native = native
    this.columnType = native.columnType
    this.type = names[native.columnType] ?? 'VAR_STRING'
    this.dataTypeFormat = native.extendedFormat
    this.columnLength = native.columnLength
    this.scale = native.decimals ?? 0
    this.flags = native.flags
    this.collation = { index: native.characterSet }
  }

  name(): string {
    return this.#native.name
  }
  orgName(): string {
    return this.#native.orgName ?? ''
  }
  table(): string {
    return this.#native.table ?? ''
  }
  orgTable(): string {
    return this.#native.orgTable ?? ''
  }
  db(): string {
    return this.#native.schema ?? ''
  }
  schema(): string {
    return this.#native.schema ?? ''
  }
}

/** The name that `mariadb` has for a type, by mysql2's. */
export function typeNameOf(native: string): string {
  if (native === 'LONG') return 'INT'
  return native === 'LONGLONG' ? 'BIGINT' : native
}
