import type { Engine } from '../../src/topology/server-target.ts'

/** How many tables the rows of `item` are also spread over: `item_1`, `item_2`, … */
export const parts = 4
export const rowCount = 2_400

const definition: Readonly<Record<Engine, string>> = {
  postgres: `id int primary key, i int, b bigint, n numeric, m numeric(12, 3), f float8, r real, c text, v varchar(30),
    d date, ts timestamp, ok boolean, y bytea, mood mood, tags int[], span interval, word text collate "C", k text collate loose`,
  mysql: `id int primary key, i int, b bigint, u bigint unsigned, n decimal(30, 9), m decimal(12, 3), f double, c text,
    v varchar(30), d date, ts datetime(6), ok boolean, y blob, h time(3), word varchar(30) character set utf8mb4 collate utf8mb4_bin,
    k varchar(30) character set latin1 collate latin1_german2_ci, mood enum('sad', 'ok', 'happy'),
    z int(5) zerofill, e float`,
  sqlite: `id integer primary key, i integer, b integer, n numeric, m real, f real, c text, v text collate nocase,
    d text, ts text, ok integer, y blob, x, word text, k text collate rtrim`,
}

const cities = [
  'Paris',
  'paris',
  'PARIS',
  'Zürich',
  'zürich',
  'Zurich',
  'Ångström',
  'angstrom',
  'Łódź',
  '',
  'a,b',
  'q"\\\'{}',
  '😀',
  'ﬀ',
  null,
]
const words = ['a', 'B', 'b', 'C', 'ä', 'Z', 'null', 'NULL', '10', '9', null]

/** Rows that are the same in every run. */
export function scatteredRows(engine: Engine): readonly Readonly<Record<string, unknown>>[] {
  let seed = 4711
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const some = <T>(value: T): T | null => (next(12) === 0 ? null : value)
  const digits = (count: number): string => Array.from({ length: count }, () => next(10)).join('')
  return Array.from({ length: rowCount }, (_, id) => {
    const day = `20${10 + next(3)}-0${1 + next(3)}-${10 + next(15)}`
    const scale = engine === 'mysql' ? 9 : next(14)
    const numeric = `${next(2) ? '-' : ''}${digits(1 + next(12))}${scale === 0 ? '' : `.${digits(scale)}`}`
    const row: Record<string, unknown> = {
      id,
      i: some(next(2_000) - 1_000),
      b: some(BigInt(next(2 ** 31)) * 1_000_003n * (next(2) ? 9n : -9n)),
      n: some(numeric),
      m: some(`${next(100_000)}.${digits(3)}`),
      f: some((next(2 ** 31) / 997) * 10 ** (next(8) - 4)),
      c: cities[next(cities.length)],
      v: some(['Open', 'open', 'closed', 'CLOSED', 'new'][next(5)]),
      d: some(day),
      ts: some(`${day} ${10 + next(10)}:${10 + next(50)}:${10 + next(50)}.${digits(6)}`),
      ok: some(next(2) === 1),
      y: some(Buffer.from([next(4), 0, 255, 92, next(3)])),
      word: words[next(words.length)],
    }
    if (engine === 'postgres') Object.assign(row, { r: row['f'], mood: some(['sad', 'ok', 'happy'][next(3)]) })
    if (engine === 'postgres')
      Object.assign(row, { tags: some(`{${next(3)},NULL}`), span: some(`${next(90)} minutes`) })
    if (engine === 'mysql')
      Object.assign(row, { u: 2n ** 63n + BigInt(next(9)), h: some(`-12:0${next(9)}:01.${digits(3)}`) })
    if (engine === 'mysql') Object.assign(row, { e: row['f'], mood: some(['sad', 'ok', 'happy'][next(3)]) })
    if (engine === 'sqlite')
      row['x'] = [1, 2.5, 'text', null, Buffer.from([0, 1]), 2n ** 60n, 'nul\0in', -0, 1, 1.0, 7][next(11)]
    row['k'] = engine === 'sqlite' ? ['x', 'x  ', 'X'][next(3)] : ['Straße', 'Strasse', 'STRASSE', 'Müller'][next(4)]
    return row
  })
}

/** Statements that make `item` and its parts. */
export function scatteredSchema(engine: Engine): readonly string[] {
  const before =
    engine === 'postgres'
      ? [
          `create type mood as enum ('sad', 'ok', 'happy')`,
          `create collation loose (provider = icu, locale = 'de-u-ks-level1', deterministic = false)`,
        ]
      : []
  const tables = ['item', ...Array.from({ length: parts }, (_, i) => `item_${i + 1}`)]
  return [...before, ...tables.map((table) => `create table ${table} (${definition[engine]})`)]
}
