import { describe, expect, it } from 'vitest'
import { connect, CopyError, CopyValueError, type Client, type Dsn, type Engine } from '../../src/index.ts'
import { setMisleading } from '../support/misleading-settings.ts'
import { freshDatabase, privateServer, testedEngines } from '../support/servers.ts'
import { bitsOnMysql, bitsOnPostgres, mysqlColumns, postgresColumns } from '../support/value-columns.ts'

type Copying = Client<'here' | 'there'>

async function withDatabases(from: Engine, to: Engine, run: (client: Copying) => Promise<void>): Promise<void> {
  await using here = await freshDatabase(from)
  await using there = await freshDatabase(to)
  await using client = await connect({ databases: { here: here.dsn as Dsn, there: there.dsn as Dsn } })
  await run(client)
}

const isTested = (...engines: readonly Engine[]): boolean => engines.every((engine) => testedEngines.includes(engine))

/** A type here, a type there, and values: a literal of the one engine, and the text of it on the other. */
type Mapping = readonly [from: string, to: string, ...values: readonly (readonly [literal: string, text: string])[]]
/** Values that are refused: a type here, a type there, a literal, and what the error says. */
type Refusal = readonly [from: string, to: string, literal: string, why: RegExp]

const nasty = 'a\tb\nc\rd\\e\'f"g?h$1 😀 é \\N'
const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
const onMysql = (text: string): string => quote(text.replaceAll('\\', '\\\\'))

const mappings: Partial<Record<`${Engine} ${Engine}`, { ok: readonly Mapping[]; no: readonly Refusal[] }>> = {
  'postgres mysql': {
    ok: [
      ['boolean', 'boolean', ['true', '1'], ['false', '0']],
      ['boolean', 'integer', ['true', '1']],
      ['smallint', 'smallint', ['-32768', '-32768']],
      [
        'bigint',
        'bigint',
        ['9223372036854775807', '9223372036854775807'],
        ['-9223372036854775808', '-9223372036854775808'],
      ],
      ['bigint', 'decimal(30, 2)', ['9007199254740993', '9007199254740993.00']],
      ['integer', 'double', ['2147483647', '2147483647']],
      [
        'numeric(65, 30)',
        'decimal(65, 30)',
        [
          '12345678901234567890123456789012345.000000000000000000000000000001',
          '12345678901234567890123456789012345.000000000000000000000000000001',
        ],
      ],
      ['numeric', 'decimal(20, 4)', ['1.50', '1.5000'], ['-0.0001', '-0.0001']],
      ['numeric', 'bigint', ['7.000', '7']],
      ['numeric', 'varchar(60)', ['0.1234567890123456789012345678901', '0.1234567890123456789012345678901']],
      ['real', 'float', ['0.1', '0.1'], ['3.4028235e38', '3.40282e38']],
      [
        'double precision',
        'double',
        ['0.1', '0.1'],
        ['0.30000000000000004', '0.30000000000000004'],
        ['1.7976931348623157e308', '1.7976931348623157e308'],
      ],
      ['text', 'longtext', [quote(nasty), nasty], ["''", '']],
      ['varchar(10)', 'varchar(10)', ["'trailing  '", 'trailing  ']],
      ['character(5)', 'char(5)', ["'ab'", 'ab']],
      ['mood', "enum('ok', 'so so')", ["'so so'", 'so so']],
      ['positive', 'integer', ['7', '7']],
      ['bytea', 'longblob', ["'\\x00ff5c27'", '00FF5C27'], ["'\\x'", '']],
      ['date', 'date', ["'2024-02-29'", '2024-02-29']],
      ['date', 'varchar(10)', ["'9999-12-31'", '9999-12-31']],
      ['time', 'time(6)', ["'23:59:59.999999'", '23:59:59.999999']],
      ['timestamp', 'datetime(6)', ["'2024-10-27 02:30:00.000001'", '2024-10-27 02:30:00.000001']],
      ['timestamptz', 'datetime(6)', ["'2024-10-27 02:30:00.25+02'", '2024-10-27 00:30:00.250000']],
      ['timestamptz', 'timestamp(6) null', ["'2024-10-27 02:30:00.25+02'", '2024-10-27 00:30:00.250000']],
      ['timestamptz', 'varchar(40)', ["'2024-10-27 02:30:00.25+02'", '2024-10-27 00:30:00.25Z']],
      ['uuid', 'uuid', ["'0190A1B2-c3d4-7abc-8def-0123456789ab'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['uuid', 'char(36)', ["'0190a1b2-c3d4-7abc-8def-0123456789ab'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['json', 'json', [`'{"b" : 1,  "a": 1.10}'`, '{"b" : 1,  "a": 1.10}']],
      ['jsonb', 'longtext', [`'{"b":1.10,"a":[1e30]}'`, '{"a": [1000000000000000000000000000000], "b": 1.10}']],
    ],
    no: [
      ['numeric', 'decimal(20, 4)', "'NaN'", /NaN.*numeric.*decimal\(20,4\): it is no number/],
      ['numeric', 'bigint', '7.5', /it is no whole number/],
      ['double precision', 'double', "'Infinity'", /no such number/],
      ['date', 'date', "'infinity'", /no day of the years/],
      ['date', 'date', "'0044-03-15 BC'", /no day of the years/],
      ['timestamptz', 'datetime(6)', "'-infinity'", /no moment of the years/],
      ['bigint', 'double', '9007199254740993', /floating-point number would round it/],
    ],
  },
  'postgres sqlite': {
    ok: [
      ['boolean', 'boolean', ['true', '1'], ['false', '0']],
      ['bigint', 'integer', ['9223372036854775807', '9223372036854775807']],
      ['numeric', 'numeric', ['1.50', '1.5'], ['-7', '-7'], ['0.1', '0.1']],
      ['numeric', 'text', ['0.1234567890123456789012345678901', '0.1234567890123456789012345678901'], ['1.50', '1.5']],
      ['double precision', 'real', ['0.1', '0.1'], ["'-Infinity'", '-Inf']],
      ['real', 'real', ['0.25', '0.25']],
      ['text', 'text', [quote(nasty), nasty]],
      ['bytea', 'blob', ["'\\x00ff5c27'", '00FF5C27']],
      ['date', 'date', ["'2024-02-29'", '2024-02-29']],
      ['time', 'time', ["'23:59:59.999999'", '23:59:59.999999']],
      ['timestamp', 'datetime', ["'2024-10-27 02:30:00.000001'", '2024-10-27 02:30:00.000001']],
      ['timestamptz', 'timestamp', ["'2024-10-27 02:30:00.25+02'", '2024-10-27 00:30:00.25']],
      ['timestamptz', 'text', ["'2024-10-27 02:30:00.25+02'", '2024-10-27 00:30:00.25Z']],
      ['uuid', 'text', ["'0190a1b2-c3d4-7abc-8def-0123456789ab'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['json', 'json', [`'{"b" : 1}'`, '{"b" : 1}']],
    ],
    no: [
      ['numeric', 'numeric', '0.1234567890123456789', /would round it to a double; declare the column as TEXT/],
      ['double precision', 'real', "'NaN'", /would make NULL of it/],
      ['numeric', 'numeric', '9223372036854775808', /64 bits/],
    ],
  },
  'mysql postgres': {
    ok: [
      ['boolean', 'boolean', ['1', 'true'], ['0', 'false']],
      ['tinyint(1)', 'smallint', ['7', '7']],
      ['bigint unsigned', 'numeric', ['18446744073709551615', '18446744073709551615']],
      ['int(6) zerofill', 'integer', ['42', '42']],
      ['year', 'integer', ['2024', '2024']],
      [
        'decimal(65, 30)',
        'numeric',
        [
          '12345678901234567890123456789012345.000000000000000000000000000001',
          '12345678901234567890123456789012345.000000000000000000000000000001',
        ],
      ],
      ['float', 'real', ['0.33333334', '0.33333334']],
      ['double', 'double precision', ['5e-324', '5e-324'], ['0.30000000000000004', '0.30000000000000004']],
      ['longtext', 'text', [onMysql(nasty), nasty]],
      ["enum('so so', 'it''s')", 'text', ["'it''s'", "it's"]],
      ['varbinary(10)', 'bytea', ["x'0027005c'", '\\x0027005c']],
      ['date', 'date', ["'9999-12-31'", '9999-12-31']],
      ['time(6)', 'time', ["'23:59:59.999999'", '23:59:59.999999']],
      ['datetime(6)', 'timestamp', ["'2024-10-27 02:30:00.000001'", '2024-10-27 02:30:00.000001']],
      ['datetime(6)', 'timestamptz', ["'2024-10-27 02:30:00.5'", '2024-10-27 02:30:00.5+00']],
      ['timestamp(6) null', 'timestamptz', ['from_unixtime(1729989000.123456)', '2024-10-27 00:30:00.123456+00']],
      ['uuid', 'uuid', ["'0190a1b2-c3d4-7abc-8def-0123456789ab'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['char(36)', 'uuid', ["'0190A1B2-C3D4-7ABC-8DEF-0123456789AB'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['json', 'jsonb', [`'{"b" : 1.10,  "a": 12345678901234567890}'`, '{"a": 12345678901234567890, "b": 1.10}']],
    ],
    no: [
      ['boolean', 'boolean', '2', /neither true nor false/],
      ['time(6)', 'time', "'-838:59:59'", /no time of a day/],
      ['varchar(10)', 'text', "concat('a', char(0))", /no zero byte/],
      ['varchar(10)', 'date', "'soon'", /no day/],
      ['varchar(30)', 'timestamptz', "'2024-01-01 00:00:00'", /says no offset/],
    ],
  },
  'mysql sqlite': {
    ok: [
      ['bigint', 'integer', ['-9223372036854775808', '-9223372036854775808']],
      ['decimal(20, 4)', 'text', ['1.5000', '1.5']],
      ['timestamp(6) null', 'datetime', ['from_unixtime(1729989000.123456)', '2024-10-27 00:30:00.123456']],
      ['longblob', 'blob', ["x'00ff'", '00FF']],
    ],
    no: [['bigint unsigned', 'integer', '18446744073709551615', /64 bits/]],
  },
  'sqlite postgres': {
    ok: [
      ['integer', 'bigint', ['9223372036854775807', '9223372036854775807']],
      ['boolean', 'boolean', ['1', 'true']],
      ['numeric', 'numeric', ['1.5', '1.5'], ['7', '7'], ['1e20', '100000000000000000000']],
      ['real', 'double precision', ['0.1', '0.1'], ['3', '3']],
      ['text', 'text', [quote(nasty), nasty]],
      ['text', 'jsonb', [`'{"a":1}'`, '{"a": 1}']],
      ['text', 'uuid', ["'0190a1b2-c3d4-7abc-8def-0123456789ab'", '0190a1b2-c3d4-7abc-8def-0123456789ab']],
      ['datetime', 'timestamptz', ["'2024-10-27T02:30:00.5Z'", '2024-10-27 02:30:00.5+00']],
      ['text', 'timestamptz', ["'2024-10-27 02:30:00Z'", '2024-10-27 02:30:00+00']],
      ['date', 'date', ["'2024-02-29'", '2024-02-29']],
      ['blob', 'bytea', ["x'00ff'", '\\x00ff']],
    ],
    no: [
      ['integer', 'bigint', "'seven'", /holds TEXT there, and not INTEGER/],
      ['integer', 'bigint', '1.5', /holds REAL there/],
      ['text', 'text', "x'00'", /holds BLOB there, and not TEXT/],
      ['date', 'date', "'tomorrow'", /no day/],
    ],
  },
  'sqlite mysql': {
    ok: [
      ['integer', 'bigint', ['9223372036854775807', '9223372036854775807']],
      ['real', 'double', ['0.30000000000000004', '0.30000000000000004']],
      ['text', 'longtext', [quote(nasty), nasty]],
      ['datetime', 'datetime(6)', ["'2024-10-27 02:30:00.5'", '2024-10-27 02:30:00.500000']],
    ],
    no: [['real', 'double', '9e999', /no such number/]],
  },
}

/** The text of a value as people see it; of bytes the hexadecimal digits. */
function shownBy(engine: Engine, type: string): string {
  if (engine === 'postgres') return 'v::text'
  if (/blob|binary/.test(type)) return 'case when v is not null then hex(v) end'
  return engine === 'mysql' ? 'cast(v as char)' : 'cast(v as text)'
}

async function prepare(client: Copying, from: string, to: string): Promise<void> {
  for (const [name, type] of [
    ['here', from],
    ['there', to],
  ] as const) {
    const scope = client.using(name)
    await scope.query('drop table if exists thing')
    await scope.query(`create table thing (id integer primary key, v ${type})`)
  }
}

async function withTypes(client: Copying, from: Engine): Promise<void> {
  if (from !== 'postgres') return
  await client.using('here').query("create type mood as enum ('ok', 'so so')")
  await client.using('here').query('create domain positive as integer check (value > 0)')
  await client
    .using('here')
    .query("set timezone = 'UTC'")
    .catch(() => undefined)
}

for (const [name, { ok, no }] of Object.entries(mappings)) {
  const [from, to] = name.split(' ') as [Engine, Engine]
  describe.runIf(isTested(from, to))(`values from ${from} to ${to}`, () => {
    it('are what they were', async () => {
      await withDatabases(from, to, async (client) => {
        await withTypes(client, from)
        for (const [fromType, toType, ...values] of ok) {
          await prepare(client, fromType, toType)
          for (const [index, [literal]] of values.entries())
            await client.using('here').query(`insert into thing (id, v) values (${index}, ${literal})`)
          await client.using('here').query(`insert into thing (id) values (${values.length})`)
          await client.copyRows({ from: 'here', to: 'there', table: 'thing' })
          const shown =
            to === 'postgres' && toType === 'timestamptz'
              ? `(v at time zone 'UTC')::text || '+00'`
              : shownBy(to, toType)
          const { rows } = await client
            .using('there')
            .query<{ v: string | null }>(`select ${shown} as v from thing order by id`)
          expect(
            rows.map(({ v }) => v),
            `${fromType} to ${toType}`,
          ).toEqual([...values.map(([, text]) => text), null])
          const { rows: keys } = await client.using('here').query<{ id: unknown }>('select id from thing')
          const found = await client.presence(keys, { in: 'there', table: 'thing' })
          expect(found.map(({ state }) => state)).toEqual(keys.map(() => 'same'))
        }
      })
    }, 60_000)

    it('or are refused, by their column and types', async () => {
      await withDatabases(from, to, async (client) => {
        for (const [fromType, toType, literal, why] of no) {
          await prepare(client, fromType, toType)
          await client.using('here').query(`insert into thing (id, v) values (1, ${literal})`)
          const error = await client
            .copyRows({ from: 'here', to: 'there', table: 'thing' })
            .catch((caught: unknown) => caught)
          expect(error, `${fromType} to ${toType}`).toBeInstanceOf(CopyValueError)
          expect(error).toMatchObject({ column: 'v', table: 'thing', message: expect.stringMatching(why) })
          const { rows } = await client.using('there').query('select * from thing')
          expect(rows).toEqual([])
          const [found] = await client.presence([{ id: 1 }], { from: 'here', in: 'there', table: 'thing' })
          expect(found?.state).toBe('missing')
        }
      })
    }, 60_000)
  })
}

describe.runIf(isTested('postgres', 'mysql', 'sqlite'))('columns', () => {
  it.each([
    ['postgres', 'mysql', 'interval', 'varchar(20)'],
    ['postgres', 'mysql', 'integer[]', 'json'],
    ['postgres', 'sqlite', 'text[]', 'text'],
    ['postgres', 'sqlite', 'inet', 'text'],
    ['postgres', 'mysql', 'money', 'decimal(20, 2)'],
    ['mysql', 'postgres', 'bit(12)', 'integer'],
    ['mysql', 'postgres', 'point', 'point'],
    ['sqlite', 'postgres', '', 'text'],
    ['postgres', 'postgres', 'text', 'integer'],
    ['mysql', 'mysql', 'double', 'decimal(10, 2)'],
  ] as const)(
    'whose types have nothing in common are refused by name: %s to %s, %s to %s',
    async (from, to, fromType, toType) => {
      await withDatabases(from, to, async (client) => {
        await prepare(client, fromType, toType)
        const error = await client
          .copyRows({ from: 'here', to: 'there', table: 'thing' })
          .catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(CopyError)
        expect(error).toMatchObject({
          message: expect.stringContaining(`v (${fromType === 'double' ? 'double' : fromType}`),
        })
      })
    },
  )
})

describe.runIf(isTested('postgres', 'mysql'))('JSON', () => {
  it('is the same if it means the same, to the last digit', async () => {
    await withDatabases('postgres', 'mysql', async (client) => {
      await prepare(client, 'jsonb', 'json')
      const texts = [
        '{"a":1.10,"b":[12345678901234567890]}',
        '{"a":1.1,"b":[12345678901234567891]}',
        '[1,2]',
        '{"a":{"c":1,"b":null}}',
      ]
      const others = [
        '{"b" : [12345678901234567890], "a":1.1}',
        '{"a":1.1,"b":[12345678901234567890]}',
        '[2,1]',
        '{"a":{"b":null, "c":1.0}}',
      ]
      for (const [id, text] of texts.entries()) {
        await client.using('here').query(`insert into thing values (${id}, '${text}')`)
        await client.using('there').query(`insert into thing values (${id}, '${others[id]}')`)
      }
      const found = await client.presence(
        texts.map((_, id) => ({ id })),
        { from: 'here', in: 'there', table: 'thing' },
      )
      expect(found.map(({ state }) => state)).toEqual(['same', 'different', 'different', 'same'])
    })
  })
})

describe.runIf(isTested('postgres', 'mysql'))('moments of MariaDB servers with a time zone', () => {
  it('are the same instants everywhere', async () => {
    await using server = await privateServer('mysql', { default_time_zone: '+05:30' })
    await using postgres = await freshDatabase('postgres')
    const [here, other] = [await server.createDatabase(), await server.createDatabase()]
    await using client = await connect({ databases: { here: here.dsn, other: other.dsn, there: postgres.dsn as Dsn } })
    await client.using('here').query('create table thing (id integer primary key, v timestamp(6) null)')
    await client.using('other').query('create table thing (id integer primary key, v timestamp(6) null)')
    await client.using('there').query('create table thing (id integer primary key, v timestamptz)')
    await client.using('here').query('insert into thing values (1, from_unixtime(1729989000.25))')
    await client.copyRows({ from: 'here', to: 'there', table: 'thing' })
    await client.copyRows({ from: 'there', to: 'other', table: 'thing' })
    const seconds = await client.using('there').query('select extract(epoch from v)::text as s from thing')
    expect(seconds.rows).toEqual([{ s: '1729989000.250000' }])
    const again = await client
      .using('other')
      .query('select cast(unix_timestamp(v) as char) as s, @@time_zone as zone from thing')
    expect(again.rows).toEqual([{ s: '1729989000.250000', zone: '+05:30' }])
  }, 60_000)
})

describe.runIf(isTested('postgres', 'mysql', 'sqlite'))('a zero', () => {
  it('may lose its sign, which is no other value', async () => {
    for (const to of ['mysql', 'sqlite'] as const)
      await withDatabases('postgres', to, async (client) => {
        await prepare(client, 'double precision', 'double')
        await client.using('here').query("insert into thing (id, v) values (1, '-0')")
        await client.copyRows({ from: 'here', to: 'there', table: 'thing' })
        const { rows } = await client.using('there').query<{ same: unknown }>('select v = 0 as same from thing')
        expect(rows.map(({ same }) => Number(same))).toEqual([1])
      })
  })
})

describe.runIf(isTested('postgres'))('values from one PostgreSQL server to another', () => {
  it.each(['in bulk', 'row by row'] as const)(
    'are the same to the last bit, whatever the settings: %s',
    async (how) => {
      const server = await privateServer('postgres')
      try {
        const [here, there] = [await server.createDatabase(), await server.createDatabase()]
        await setMisleading(here, there)
        await using client = await connect({ databases: { here: here.dsn, there: there.dsn } })
        const listed = postgresColumns.map(([type], index) => `c${index} ${type}`).join(', ')
        for (const name of ['here', 'there'] as const) {
          const scope = client.using(name)
          await scope.query("create type mood as enum ('ok', 'so so')")
          await scope.query('create domain positive as integer check (value > 0)')
          await scope.query('create type pair as (number integer, word text)')
          await scope.query(
            `create table thing (id integer generated always as identity primary key, "Odd ""name""" integer default 7, gone integer,
            twice integer generated always as (id * 2) stored, ${listed})`,
          )
          await scope.query('alter table thing drop column gone')
        }
        let id = 0
        for (const [index, [, ...literals]] of postgresColumns.entries())
          for (const literal of literals)
            await client
              .using('here')
              .query(
                `insert into thing (id, "Odd ""name""", c${index}) overriding system value values (${++id}, null, ${literal})`,
              )
        // Rows that are there are replaced row by row.
        if (how === 'row by row')
          await client
            .using('there')
            .query('insert into thing (id) overriding system value select generate_series(1, 40)')
        const policy = how === 'in bulk' ? 'error' : 'replace'
        const { tables } = await client.copyRows({ from: 'here', to: 'there', table: 'thing', onConflict: policy })
        expect(tables).toMatchObject([
          { read: id, inserted: how === 'in bulk' ? id : id - 40, replaced: how === 'in bulk' ? 0 : 40 },
        ])
        const bits = `select id, twice, "Odd ""name""" is null as odd, ${postgresColumns.map(([type], i) => `${bitsOnPostgres(`c${i}`, type)} as c${i}`).join(', ')} from thing order by id`
        const stored = async (name: 'here' | 'there'): Promise<unknown> =>
          await client.using(name).transaction(async (tx) => {
            await tx.query(
              "select set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'iso_8601', true), set_config('extra_float_digits', '3', true), set_config('timezone', 'UTC', true)",
            )
            return (await tx.query(bits)).rows
          })
        expect(await stored('there')).toEqual(await stored('here'))
        // The settings of the connections are their own again.
        expect((await client.using('there').query('show timezone')).rows).toEqual([{ TimeZone: 'Asia/Kolkata' }])
      } finally {
        await server.stop()
      }
    },
    60_000,
  )
})

describe.runIf(isTested('mysql'))('values from one MariaDB server to another', () => {
  it('are the same to the last bit', async () => {
    await withDatabases('mysql', 'mysql', async (client) => {
      const listed = mysqlColumns.map(([type], index) => `c${index} ${type}`).join(', ')
      for (const name of ['here', 'there'] as const)
        await client
          .using(name)
          .query(
            `create table thing (id integer auto_increment primary key, \`odd \`\`name\` integer default 7, twice integer as (id * 2) virtual, ${listed}) charset utf8mb4`,
          )
      let id = 0
      for (const [index, [, ...literals]] of mysqlColumns.entries())
        for (const literal of literals)
          await client
            .using('here')
            .query(`insert into thing (id, \`odd \`\`name\`, c${index}) values (${++id}, null, ${literal})`)
      // An id of 0 is a value, not a wish for a new one.
      await client.using('here').query('update thing set id = 0 where id = 1')
      await client.copyRows({ from: 'here', to: 'there', table: 'thing' })
      const bits = `select id, twice, \`odd \`\`name\` is null as odd, ${mysqlColumns.map(([type], i) => `${bitsOnMysql(`c${i}`, type)} as c${i}`).join(', ')} from thing order by id`
      const [here, there] = [await client.using('here').query(bits), await client.using('there').query(bits)]
      expect(here.rows).toHaveLength(id)
      expect(there.rows).toEqual(here.rows)
    })
  }, 60_000)
})

describe.runIf(isTested('sqlite'))('values from one SQLite file to another', () => {
  it('keep their storage class, whatever the column says', async () => {
    await withDatabases('sqlite', 'sqlite', async (client) => {
      for (const name of ['here', 'there'] as const)
        await client.using(name).query('create table thing (id integer primary key, v, w numeric, x text)')
      const literals = [
        '1',
        '1.0',
        "'1'",
        "x'31'",
        'null',
        '9223372036854775807',
        '0.1',
        '-9e999',
        '5e-324',
        quote(nasty),
      ]
      for (const [id, literal] of literals.entries())
        await client.using('here').query(`insert into thing values (${id}, ${literal}, ${literal}, ${literal})`)
      await client.copyRows({ from: 'here', to: 'there', table: 'thing' })
      const bits =
        'select id, typeof(v) as a, quote(v) as b, typeof(w) as c, quote(w) as d, typeof(x) as e, quote(x) as f from thing order by id'
      const [here, there] = [await client.using('here').query(bits), await client.using('there').query(bits)]
      expect(there.rows).toEqual(here.rows)
      expect(here.rows).toHaveLength(literals.length)
    })
  })
})
