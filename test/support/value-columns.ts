/** A column, and values of it as literals of the engine. */
export type ValueColumn = readonly [type: string, ...literals: readonly string[]]

export const postgresColumns: readonly ValueColumn[] = [
  ['smallint', '-32768'],
  ['bigint', '9223372036854775807', '-9223372036854775808'],
  ['numeric', '123456789012345678901234567890.000000000000000000001000', "'NaN'", "'-Infinity'"],
  ['numeric(20, 4)', '1.5000'],
  ['real', '0.1', '3.4028235e38', "'-0'", "'NaN'"],
  ['double precision', '0.1', '5e-324', '1.7976931348623157e308', "'-Infinity'", '0.30000000000000004'],
  ['money', "'12345678901234.56'", "'-0.01'"],
  ['boolean', 'true', 'false'],
  ['text', "'  spaces  '", "''", "E'\\t\\n\\r\\\\ \\' \" $1 ? 😀 é'", "repeat('long', 100000)"],
  ['varchar(10)', "'trailing  '"],
  ['character(5)', "'ab'"],
  ['"char"', "'x'"],
  ['name', "'a name'"],
  ['bytea', "'\\x00ff5c27'", "'\\x'"],
  ['date', "'0044-03-15 BC'", "'infinity'", "'2024-02-01'"],
  ['time', "'23:59:59.999999'"],
  ['time with time zone', "'04:05:06.000001+05:30'"],
  ['timestamp', "'2024-02-01 03:04:05.000001'", "'4713-01-01 00:00:00 BC'", "'-infinity'"],
  ['timestamptz', "'2024-10-27 02:30:00.123456+02'", "'2024-10-27 02:30:00.123456+01'", "'infinity'"],
  ['timestamp(3)', "'2024-02-01 03:04:05.678'"],
  ['interval', "'1 year -2 mons +3 days -04:05:06.789001'", "'-1 day +00:00:00.000001'", "'0'"],
  ['uuid', "'0190a1b2-c3d4-7abc-8def-0123456789ab'"],
  ['json', `'{"b" : 1,  "a": 1.10, "a": null}'`, "'null'", `'"text"'`],
  ['jsonb', `'{"b": 1.10, "a": [1e400, "\\u00e9", null]}'`, "'null'"],
  ['xml', `'<a href="x">é &amp; 1</a>'`],
  ['inet', "'10.0.0.1/8'"],
  ['cidr', "'10.0.0.0/8'"],
  ['macaddr', "'08:00:2b:01:02:03'"],
  ['bit(5)', "B'00101'"],
  ['varbit', "B''", "B'0000000001'"],
  ['tsvector', `'fat:2A cat:3B ''it''''s'''`],
  ['point', "'(0.1,1e-300)'"],
  ['polygon', "'((0,0),(1,1.1),(2,0))'"],
  ['int4range', "'[1,5)'", "'empty'"],
  ['tstzrange', "'[2024-02-01 00:00:00.000001+00,)'"],
  ['integer[]', "'{1,NULL,3}'", "'{}'", "'[0:1]={5,6}'"],
  ['text[]', `array['a,b', '"', '\\', null, 'NULL', '', '{}']`],
  ['timestamp[]', "array['2024-02-01 03:04:05.000001'::timestamp]"],
  ['double precision[]', 'array[0.1, 0.30000000000000004]'],
  ['interval[]', "array['1 mon -3 days'::interval]"],
  ['mood', "'so so'"],
  ['positive', '7'],
  ['pair', "row(1, '(a,\"b'',)')::pair"],
  ['pair[]', 'array[row(1, null)::pair]'],
]

export const mysqlColumns: readonly ValueColumn[] = [
  ['tinyint', '-128'],
  ['bigint', '9223372036854775807', '-9223372036854775808'],
  ['bigint unsigned', '18446744073709551615'],
  ['int(6) zerofill', '42'],
  ['decimal(65, 30)', '12345678901234567890123456789012345.000000000000000000000000000001'],
  ['float', '0.1', '3.4028234e38', '16777216', '1.17549e-38', '0.33333334'],
  ['double', '0.1', '5e-324', '1.7976931348623157e308', '0.30000000000000004', '-0e0'],
  ['bit(1)', "b'1'"],
  ['bit(12)', "b'101000000001'", "b'0'"],
  ['char(5)', "'ab'"],
  ['varchar(20)', "'  spaces  '", "''", `'\\t\\n\\r\\\\ \\' " ? 😀 é'`],
  ['varchar(20) character set latin1', "'é€'"],
  ['longtext', "repeat('long', 100000)"],
  ['binary(4)', "x'00ff5c27'", "x'00'"],
  ['varbinary(10)', "x''", "x'0027005c'"],
  ['longblob', "repeat(x'00ff', 50000)"],
  ['date', "'2024-02-01'", "'9999-12-31'"],
  ['time(6)', "'-838:59:59.000001'", "'23:59:59.999999'"],
  ['datetime(6)', "'2024-10-27 02:30:00.000001'", "'0001-01-01 00:00:00.000000'"],
  ['timestamp(6) null', 'from_unixtime(1729989000.123456)', 'from_unixtime(1729992600.123456)', 'from_unixtime(1)'],
  ['timestamp null', "'2024-02-01 03:04:05'"],
  ['year', '2024', "'0000'", '1901'],
  ['json', `'{"b" : 1,  "a": 1.10, "é": null}'`],
  ["enum('so so', 'it''s', 'ok')", "'it''s'"],
  ["set('a', 'b', 'c')", "'a,c'", "''"],
  ['geometry', "st_geomfromtext('POLYGON((0 0,10 0.1,10 10,0 0))')"],
  ['point', 'point(0.1, 1e-300)'],
  ['uuid', "'0190a1b2-c3d4-7abc-8def-0123456789ab'"],
  ['inet6', "'::ffff:10.0.0.1'"],
]

/** The value in binary; of types of one's own, whose numbers are others in each database, the text. */
export function bitsOnPostgres(column: string, type: string): string {
  return /^(?:mood|positive|pair)/.test(type) ? `${column}::text` : `encode(record_send(row(${column})), 'hex')`
}

/** Something that differs whenever the stored value does. */
export function bitsOnMysql(column: string, type: string): string {
  if (type.startsWith('float')) return `cast(${column} + 0e0 as char)`
  if (type.startsWith('double')) return `concat(cast(${column} as char), ' ', ${column} = 5e-324)`
  if (type.startsWith('timestamp')) return `cast(unix_timestamp(${column}) as char)`
  return `hex(${column})`
}
