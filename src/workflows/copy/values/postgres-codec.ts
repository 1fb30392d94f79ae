import { quotedName } from '../../../statement/quotes.ts'
import { givenText, type ColumnCodec } from './codec.ts'
import { canonicalText, ValueRefused, type Canonical, type Kind, type RawValue } from './kind.ts'

/** What all sessions are set to: texts are exact then, and mean the same to every server. Local to the transaction. */
export const postgresSettings = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'iso_8601',
  extra_float_digits: '3',
  timezone: 'UTC',
  bytea_output: 'hex',
  lc_monetary: 'C',
  standard_conforming_strings: 'on',
} as const

const kinds: Readonly<Record<string, Kind>> = {
  boolean: 'boolean',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
  numeric: 'decimal',
  real: 'float',
  'double precision': 'float',
  text: 'text',
  'character varying': 'text',
  character: 'text',
  name: 'text',
  citext: 'text',
  enum: 'text',
  bytea: 'bytes',
  date: 'date',
  'time without time zone': 'time',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'instant',
  json: 'json',
  jsonb: 'json',
  uuid: 'uuid',
}

/** `type`: what `format_type` says, without length and precision. */
export function postgresKinds(type: string): readonly Kind[] {
  const kind = kinds[type]
  return kind === undefined ? [] : [kind]
}

/** Values as the server itself writes and reads them: for columns of equal types. */
export function postgresText(name: string): ColumnCodec {
  const text = (value: RawValue): Canonical => (value === null ? null : String(value))
  return {
    read: quotedName('postgres', name),
    decode: text,
    mark: (mark) => mark,
    encode: (value) => value,
    given: (value) => {
      const given = givenText(value)
      return typeof given === 'string' ? given : bytesText(given)
    },
  }
}

/** Values of a kind. */
export function postgresCodec(name: string, type: string, kind: Kind): ColumnCodec {
  const column = quotedName('postgres', name)
  return {
    read: type === 'real' ? `${column}::float8` : type === 'character' || type === 'enum' ? `${column}::text` : column,
    decode: (raw) => (raw === null ? null : fromText(kind, String(raw))),
    mark: (mark) => mark,
    encode: (value) => (value === null ? null : toText(kind, value)),
    given: (value) => {
      const given = givenText(value)
      return typeof given === 'string' ? fromText(kind, given) : given
    },
  }
}

function fromText(kind: Kind, text: string): Canonical {
  return kind === 'bytes' ? Buffer.from(text.slice(2), 'hex') : canonicalText(kind, text)
}

function toText(kind: Kind, value: string | Uint8Array): string {
  if (typeof value !== 'string') return bytesText(value)
  if (value.includes('\0')) throw new ValueRefused('a text on PostgreSQL holds no zero byte')
  return kind === 'instant' ? `${value}+00` : value
}

function bytesText(value: Uint8Array): string {
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
}
