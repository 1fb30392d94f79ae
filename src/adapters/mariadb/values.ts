import { typeNameOf } from './columns.ts'

/** What a call, or its pool, says of values and rows. Names and defaults are those of `mariadb`. */
export interface ValueOptions {
  readonly rowsAsArray?: boolean
  readonly nestTables?: boolean | string
  readonly dateStrings?: boolean
  readonly namedPlaceholders?: boolean
  readonly metaAsArray?: boolean
  readonly bigIntAsNumber?: boolean
  readonly insertIdAsNumber?: boolean
  readonly decimalAsNumber?: boolean
  /** BIT(1) as a boolean. Default true. */
  readonly bitOneIsBoolean?: boolean
  /** JSON as objects. Default true. */
  readonly autoJsonMap?: boolean
  readonly jsonStrings?: boolean
  readonly typeCast?: TypeCast
  /** @internal Of a prepared statement. */
  readonly isBinary?: boolean
}

/** A value that has come, before it is made of its bytes. */
export interface CastField {
  readonly type: string
  readonly columnLength: number
  readonly name: () => string
  readonly string: () => string | null
  readonly buffer: () => Buffer | null
}

/** Makes a value of a column; `next` gives the one that it would be otherwise. As the option `typeCast` of `mariadb`. */
export type TypeCast = (field: CastField, next: () => unknown) => unknown

/** As mysql2 hands it to a function of its own. */
export interface NativeField {
  readonly type: string
  readonly length: number
  readonly name: string
  readonly extendedFormat?: string
  string(): string | null
  buffer(): Buffer | null
}

/** The user's function, for mysql2. */
export function nativeCast(
  cast: TypeCast,
  options: ValueOptions,
): (field: NativeField, next: () => unknown) => unknown {
  return (field, next) => {
    const type = field.extendedFormat === 'json' ? 'JSON' : typeNameOf(field.type)
    const value = (): unknown => asMariadb(next(), { type, length: field.length }, options)
    const { length } = field
    return cast(
      {
        type,
        columnLength: length,
        name: () => field.name,
        string: () => field.string(),
        buffer: () => field.buffer(),
      },
      value,
    )
  }
}

/** What matters of a column for its values. */
export interface ValueKind {
  readonly type: string
  readonly length: number
}

/** A value of mysql2 (big numbers and JSON as text) as `mariadb` would give it. */
export function asMariadb(value: unknown, { type, length }: ValueKind, options: ValueOptions): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'BIGINT':
      if (typeof value !== 'string' && typeof value !== 'number') return value
      return options.bigIntAsNumber === true ? Number(value) : BigInt(value)
    case 'DECIMAL':
    case 'NEWDECIMAL':
      return options.decimalAsNumber === true ? Number(value) : value
    case 'BIT':
      return length === 1 && options.bitOneIsBoolean !== false && Buffer.isBuffer(value) ? value[0] === 1 : value
    case 'JSON':
      if (typeof value !== 'string' || options.jsonStrings === true || options.autoJsonMap === false) return value
      return JSON.parse(value) as unknown
    case 'SET':
      if (typeof value !== 'string') return value
      return value === '' ? [] : value.split(',')
    case 'DATETIME':
    case 'TIMESTAMP':
      return options.isBinary === true && typeof value === 'string' ? withFraction(value, length) : value
    case 'TIME':
      return options.isBinary === true && typeof value === 'string' ? withMicroseconds(value) : value
    default:
      return value
  }
}

/** A moment in seconds, as text. */
const wholeMoment = 'yyyy-mm-dd hh:mm:ss'.length

/** With all digits of its column, where mysql2 leaves out those of a whole second. */
function withFraction(moment: string, length: number): string {
  return moment.length === wholeMoment && length > wholeMoment
    ? `${moment}.${'0'.repeat(length - wholeMoment - 1)}`
    : moment
}

/** As the binary protocol has them: all six digits, or none. */
function withMicroseconds(time: string): string {
  const [whole = '', fraction] = time.split('.')
  return fraction === undefined ? time : `${whole}.${fraction.padEnd(6, '0')}`
}
