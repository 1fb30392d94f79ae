import { describe, expect, it } from 'vitest'
import { comparatorOf } from '../../src/execution/merge/comparator.ts'
import { mergeSorted } from '../../src/execution/merge/merge-sorted.ts'
import { sortTypeOfMysql, type MysqlField } from '../../src/execution/merge/sort-type-of-mysql.ts'
import { sortTypeOfPostgres } from '../../src/execution/merge/sort-type-of-postgres.ts'
import { connect, MergeError, type Client } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

/** Types that JavaScript can order are in merge-order.test.ts: here is what only the server can. */
describe.runIf(testedEngines.includes('postgres'))('types of PostgreSQL', () => {
  const typeOf = async (client: Client, expression: string, collation?: string) => {
    const { fields } = await client.query(`select ${expression} as v`)
    return sortTypeOfPostgres((fields[0]!.native as { dataTypeID: number }).dataTypeID, collation)
  }

  it('what has an order of its own is left to the server', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect(database.dsn)
    await client.query(`create type mood as enum ('b', 'a')`)
    for (const type of ['interval', 'inet', 'cidr', 'jsonb', 'int[]', 'mood', 'money', 'int4range', '"char"', 'bit(3)'])
      expect([type, await typeOf(client, `null::${type}`, 'C')]).toEqual([type, undefined])
  })

  it('text is ordered only by a collation that is known to be that of the bytes', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect(database.dsn)
    for (const type of ['text', 'varchar', 'name', 'character(5)']) {
      expect([type, await typeOf(client, `null::${type}`)]).toEqual([type, undefined])
      expect([type, await typeOf(client, `null::${type}`, 'en_US.utf8')]).toEqual([type, undefined])
      expect([type, await typeOf(client, `null::${type}`, 'C')]).not.toEqual([type, undefined])
    }
  })
})

describe.runIf(testedEngines.includes('mysql'))('types of MariaDB', () => {
  const columns = `uu uuid, in6 inet6, in4 inet4, en enum('b', 'a') collate utf8mb4_bin, se set('b', 'a') collate utf8mb4_bin,
    js json, g point, ci varchar(9) collate utf8mb4_general_ci, bin varchar(9) collate utf8mb4_bin,
    nopad varchar(9) collate utf8mb4_nopad_bin, latin varchar(9) character set latin1 collate latin1_bin`

  async function fieldsOf(client: Client): Promise<Map<string, MysqlField>> {
    await client.query(`create table t (${columns}) character set utf8mb4`)
    const { fields } = await client.query('select * from t')
    return new Map(fields.map(({ name, native }) => [name, native as MysqlField]))
  }

  it('what has an order of its own is left to the server, whatever the collation', async () => {
    await using database = await freshDatabase('mysql')
    await using client = await connect(database.dsn)
    const fields = await fieldsOf(client)
    for (const name of ['uu', 'in6', 'in4', 'en', 'se', 'g']) {
      expect([name, sortTypeOfMysql(fields.get(name)!, 'utf8mb4_bin')]).toEqual([name, undefined])
      expect([name, sortTypeOfMysql(fields.get(name)!, undefined)]).toEqual([name, undefined])
    }
  })

  it('the field does not tell the collation of its column: it must be given', async () => {
    await using database = await freshDatabase('mysql')
    await using client = await connect(database.dsn)
    const fields = await fieldsOf(client)
    const told = (name: string) => {
      const { columnType, characterSet, flags } = fields.get(name)!
      return { columnType, characterSet, isBinary: (Number(flags) & 0x80) !== 0 }
    }
    expect(told('bin')).toEqual(told('nopad'))
    expect(told('latin')).toEqual(told('bin'))
    for (const name of ['ci', 'bin', 'nopad', 'latin', 'js'])
      expect([name, sortTypeOfMysql(fields.get(name)!, undefined)]).toEqual([name, undefined])
    expect(sortTypeOfMysql(fields.get('ci')!, 'utf8mb4_general_ci')).toBeUndefined()
    // In cp1252, which MariaDB calls latin1, '€' comes before 'é'.
    expect(sortTypeOfMysql(fields.get('latin')!, 'latin1_bin')).toBeUndefined()
    expect(sortTypeOfMysql(fields.get('bin')!, 'utf8mb4_bin')).toBe('padded-text')
    expect(sortTypeOfMysql(fields.get('nopad')!, 'utf8mb4_nopad_bin')).toBe('bytewise-text')
  })
})

describe.runIf(testedEngines.includes('postgres'))('an order that got lost on the way', () => {
  const keys = (type: 'timestamp' | 'number', column: 'at' | 'id') => ({
    of: (row: { id: number; at: unknown }) => row[column],
    type,
    descending: false,
    nulls: 'last' as const,
  })
  const order = comparatorOf([keys('timestamp', 'at'), keys('number', 'id')])

  it('is noticed: a Date has no microseconds, so that the next key would decide', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect(database.dsn)
    const text = `select * from (values (2, '2024-01-01 00:00:00.000001+00'::timestamptz), (1, '2024-01-01 00:00:00.000002+00')) x(id, at)`
    const merged = async (sql: string) => {
      const { rows } = await client.query<{ id: number; at: unknown }>(sql)
      const batches = mergeSorted(
        [
          async function* () {
            yield rows
          },
        ],
        order,
      )
      return (await Array.fromAsync(batches)).flat().map(({ id }) => id)
    }
    await expect(merged(`${text} order by at, id`)).rejects.toThrow(MergeError)
    await expect(merged(`${text} order by at, id`)).rejects.toThrow(/microseconds are lost in a Date/)
    expect(await merged(`select id, at::text as at from (${text}) y order by y.at, id`)).toEqual([2, 1])
  })
})
