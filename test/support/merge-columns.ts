import fc from 'fast-check'
import type { SortType } from '../../src/execution/merge/sort-type.ts'
import * as nasty from './nasty-values.ts'

/** A column whose order in JavaScript is held against that of the engine. */
export interface Column {
  /** The column's type, with its collation. */
  readonly column: string
  readonly collation?: string
  readonly type: SortType
  /** As the server takes them. */
  readonly values: readonly (string | number | bigint | boolean | Uint8Array | null)[]
  /** What is read instead of the column, which is sorted by all the same; the type is then not the field's. */
  readonly reads?: string
  readonly isCoarse?: boolean
  /** PostgreSQL: each shard shows its times in another zone. */
  readonly inZones?: boolean
}

const int8 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const pickedInt8 = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '9007199254740992', '0', '-1']
const pickedDecimals = [
  '0',
  '-0.0',
  '0.1',
  '0.10',
  '-0.1',
  '-0.15',
  '1',
  '10',
  '9',
  '-9',
  '-10',
  '0.01',
  '123456789012345678.1',
]
const pickedFloats = [
  'NaN',
  'Infinity',
  '-Infinity',
  '0',
  '-0',
  '1e308',
  '-1e308',
  '5e-324',
  '0.1',
  '0.30000000000000004',
  '0.3',
]
const doubles = fc.double({ noNaN: true }).map(String)
const pgYears = { min: -4000, max: 20_000 }
const pickedMoments = [
  'infinity',
  '-infinity',
  '4713-01-01 00:00:00 BC',
  '0001-12-31 23:59:59 BC',
  '0001-01-01 00:00:00',
  '294276-12-31 23:59:59.999999',
]
const pickedClocks = ['00:00:00', '24:00:00', '23:59:59.999999']
const zoned = (values: fc.Arbitrary<string>) =>
  fc.tuple(values, nasty.offsets).map(([value, offset]) => value.replace(/( BC)?$/, `${offset}$1`))

const postgresColumns: readonly Column[] = [
  { column: 'bigint', type: 'number', values: nasty.nasty(nasty.integers(int8.min, int8.max), pickedInt8) },
  { column: 'integer', type: 'number', values: nasty.nasty(nasty.integers(-2147483648n, 2147483647n), ['0', '-1']) },
  {
    column: 'numeric',
    type: 'decimal',
    values: nasty.nasty(nasty.decimals({ whole: 60, fraction: 40 }), [
      ...pickedDecimals,
      'NaN',
      'Infinity',
      '-Infinity',
    ]),
  },
  { column: 'double precision', type: 'float', values: nasty.nasty(doubles, pickedFloats) },
  {
    column: 'real',
    type: 'float',
    values: nasty.nasty(fc.float({ noNaN: true }).map(String), ['NaN', 'Infinity', '-Infinity', '0', '-0', '0.1']),
  },
  { column: 'boolean', type: 'boolean', values: nasty.nasty(fc.boolean(), [true, false]) },
  { column: 'bytea', type: 'bytes', values: nasty.nasty(nasty.bytes, nasty.pickedBytes) },
  { column: 'bytea', reads: 'v::text', type: 'bytes', values: nasty.nasty(nasty.bytes, nasty.pickedBytes) },
  { column: 'text', collation: 'C', type: 'bytewise-text', values: nasty.nasty(nasty.texts(), nasty.pickedTexts) },
  {
    column: 'varchar(20)',
    collation: 'POSIX',
    type: 'bytewise-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  {
    column: 'text',
    collation: 'ucs_basic',
    type: 'bytewise-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  { column: 'name', collation: 'C', type: 'bytewise-text', values: nasty.nasty(nasty.texts(), nasty.pickedTexts) },
  {
    column: 'character(12)',
    collation: 'C',
    type: 'rtrim-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  {
    column: 'uuid',
    type: 'uuid',
    values: nasty.nasty(fc.uuid(), ['ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000']),
  },
  {
    column: 'date',
    reads: 'v::text',
    type: 'date',
    values: nasty.nasty(nasty.days(pgYears), ['infinity', '-infinity', '4713-01-01 BC']),
  },
  {
    column: 'date',
    type: 'date',
    values: nasty.nasty(nasty.days(pgYears), ['infinity', '-infinity', '4713-01-01 BC']),
  },
  {
    column: 'timestamp',
    reads: 'v::text',
    type: 'timestamp',
    values: nasty.nasty(nasty.moments(pgYears), pickedMoments),
  },
  {
    column: 'timestamptz',
    reads: 'v::text',
    inZones: true,
    type: 'timestamp',
    values: nasty.nasty(zoned(nasty.moments(pgYears)), [
      'infinity',
      '-infinity',
      '4713-01-01 00:00:00+00 BC',
      '1883-11-18 12:03:57+00',
    ]),
  },
  {
    column: 'timestamptz',
    isCoarse: true,
    type: 'timestamp',
    values: nasty.nasty(zoned(nasty.moments({ min: 1, max: 9999 })), ['infinity', '-infinity']),
  },
  { column: 'time', type: 'time', values: nasty.nasty(nasty.clocks, pickedClocks) },
  {
    column: 'timetz',
    type: 'time',
    values: nasty.nasty(zoned(nasty.clocks), [
      '00:00:00+00',
      '24:00:00+00',
      '12:00:00+00',
      '13:00:00+01',
      '11:00:00-01',
    ]),
  },
]

const mysqlYears = { min: 1000, max: 9999 }
const zeroDates = ['0000-00-00', '2020-00-00', '2020-00-31', '2020-01-00']
export const varcharOf = (collation: string) =>
  `varchar(40) character set ${collation.split('_')[0]} collate ${collation}`

const mysqlColumns: readonly Column[] = [
  { column: 'bigint', type: 'number', values: nasty.nasty(nasty.integers(int8.min, int8.max), pickedInt8) },
  {
    column: 'bigint unsigned',
    type: 'number',
    values: nasty.nasty(nasty.integers(0n, 2n ** 64n - 1n), ['18446744073709551615', '9007199254740993', '0']),
  },
  { column: 'tinyint(1)', type: 'number', values: nasty.nasty(fc.constantFrom(0, 1), [0, 1]) },
  { column: 'year', type: 'number', values: nasty.nasty(fc.integer({ min: 1901, max: 2155 }), [1901]) },
  { column: 'bit(9)', type: 'bytes', values: nasty.nasty(fc.integer({ min: 0, max: 511 }), [0, 255, 256, 511]) },
  {
    column: 'decimal(65,30)',
    type: 'decimal',
    values: nasty.nasty(nasty.decimals({ whole: 35, fraction: 30 }), pickedDecimals),
  },
  {
    column: 'double',
    type: 'float',
    values: nasty.nasty(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String), [
      '0',
      '-0',
      '1e308',
      '0.1',
      '0.3',
    ]),
  },
  { column: 'varbinary(20)', type: 'bytes', values: nasty.nasty(nasty.bytes, nasty.pickedBytes) },
  { column: 'binary(8)', type: 'bytes', values: nasty.nasty(nasty.bytes, nasty.pickedBytes) },
  { column: 'blob', type: 'bytes', values: nasty.nasty(nasty.bytes, nasty.pickedBytes) },
  ...['utf8mb4_nopad_bin'].map((collation): Column => ({
    column: varcharOf(collation),
    collation,
    type: 'bytewise-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  })),
  {
    column: varcharOf('utf8mb4_bin'),
    collation: 'utf8mb4_bin',
    type: 'padded-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  {
    column: 'char(20) character set utf8mb4 collate utf8mb4_bin',
    collation: 'utf8mb4_bin',
    type: 'padded-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  {
    column: 'text character set utf8mb4 collate utf8mb4_bin',
    collation: 'utf8mb4_bin',
    type: 'padded-text',
    values: nasty.nasty(nasty.texts(), nasty.pickedTexts),
  },
  {
    column: varcharOf('utf8mb3_bin'),
    collation: 'utf8mb3_bin',
    type: 'padded-text',
    values: nasty.nasty(nasty.texts().map(basicPlane), nasty.pickedTexts.map(basicPlane)),
  },
  {
    column: varcharOf('ascii_bin'),
    collation: 'ascii_bin',
    type: 'padded-text',
    values: nasty.nasty(nasty.asciiTexts, ['', 'a', 'a ', 'a\t']),
  },
  {
    column: varcharOf('ascii_nopad_bin'),
    collation: 'ascii_nopad_bin',
    type: 'bytewise-text',
    values: nasty.nasty(nasty.asciiTexts, ['', 'a', 'a ', 'a\t']),
  },
  { column: 'date', reads: 'cast(v as char)', type: 'date', values: nasty.nasty(nasty.days(mysqlYears), zeroDates) },
  { column: 'date', type: 'date', values: nasty.nasty(nasty.days(mysqlYears), []) },
  {
    column: 'datetime(6)',
    reads: 'cast(v as char)',
    type: 'timestamp',
    values: nasty.nasty(nasty.moments(mysqlYears), zeroDates),
  },
  {
    column: 'timestamp(6) null',
    reads: 'cast(v as char)',
    type: 'timestamp',
    values: nasty.nasty(nasty.moments({ min: 1971, max: 2037 }), []),
  },
  {
    column: 'timestamp(6) null',
    isCoarse: true,
    type: 'timestamp',
    values: nasty.nasty(nasty.moments({ min: 1971, max: 2037 }), []),
  },
  {
    column: 'time(6)',
    type: 'time',
    values: nasty.nasty(
      fc
        .tuple(fc.boolean(), nasty.clocks, fc.integer({ min: 0, max: 800 }))
        .map(([minus, clock, hours]) => (minus ? '-' : '') + clock.replace(/^\d\d/, String(hours).padStart(2, '0'))),
      ['-838:59:59.999999', '838:59:59.999999', '00:00:00', '-00:00:00.5'],
    ),
  },
]

const sqliteNumbers = fc.oneof(fc.double({ noNaN: true }), fc.bigInt(int8), fc.integer({ min: -20, max: 20 }))
const pickedNumbers = [
  9007199254740993n,
  9007199254740992,
  9007199254740994n,
  0,
  -0,
  Infinity,
  -Infinity,
  0.5,
  2n ** 63n - 1n,
  2 ** 63,
  -(2n ** 63n),
  -(2 ** 63),
]
const sqliteMix = (extra: readonly string[] = []) =>
  nasty.nasty<string | number | bigint | Uint8Array>(fc.oneof(sqliteNumbers, nasty.texts(extra), nasty.bytes), [
    ...pickedNumbers,
    ...nasty.pickedTexts,
    ...nasty.pickedBytes,
  ])

const sqliteColumns: readonly Column[] = [
  { column: 'blob', type: 'sqlite', values: sqliteMix() },
  { column: 'blob collate nocase', type: 'sqlite-nocase', values: sqliteMix(['\0']) },
  { column: 'blob collate rtrim', type: 'sqlite-rtrim', values: sqliteMix() },
  { column: 'text', type: 'bytewise-text', values: nasty.nasty(nasty.texts(['\0']), nasty.pickedTexts) },
  {
    column: 'text collate nocase',
    type: 'nocase-text',
    values: nasty.nasty(nasty.texts(['\0']), [...nasty.pickedTexts, 'a\0b', 'A\0c', 'a\0', 'a\0bc']),
  },
  { column: 'text collate rtrim', type: 'rtrim-text', values: nasty.nasty(nasty.texts(['\0']), nasty.pickedTexts) },
]

export const columns = { postgres: postgresColumns, mysql: mysqlColumns, sqlite: sqliteColumns }

function basicPlane(value: string): string {
  return value.replace(/[\u{10000}-\u{10ffff}]/gu, '')
}
