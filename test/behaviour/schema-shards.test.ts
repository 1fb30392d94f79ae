import { expect, it } from 'vitest'
import { connect, listShards } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

it.runIf(testedEngines.includes('postgres'))('a schema for each tenant, on one PostgreSQL server', async () => {
  await using database = await freshDatabase('postgres')
  await using admin = await connect(database.dsn)
  const tenants = ['acme', 'globex', 'umbrella']
  for (const tenant of tenants) await admin.query(`create schema ${tenant}`)
  const dsnOf = (tenant: string): string => {
    const dsn = new URL(database.dsn)
    dsn.searchParams.set('options', `-c search_path=${tenant}`)
    return dsn.href
  }
  await using client = await connect({
    databases: {
      default: {
        shards: Object.fromEntries(tenants.map((tenant) => [tenant, dsnOf(tenant)])),
        shardMap: listShards({
          key: 'text',
          lists: Object.fromEntries(tenants.map((tenant) => [tenant, [tenant]])),
        }),
      },
    },
    tables: { invoice: { database: 'default', shardKey: 'tenant' } },
  })
  await client.query('create table invoice (tenant text, id integer, total numeric, primary key (tenant, id))')
  const rows = tenants.flatMap((tenant, index) => [
    [tenant, 1, index],
    [tenant, 2, index],
  ])
  await client.query(
    `insert into invoice (tenant, id, total) values ${rows.map((_, row) => `($${3 * row + 1}, $${3 * row + 2}, $${3 * row + 3})`).join(', ')}`,
    rows.flat(),
  )
  for (const [index, tenant] of tenants.entries()) {
    const own = await admin.query(`select distinct tenant, total from ${tenant}.invoice`)
    expect(own.rows).toEqual([{ tenant, total: String(index) }])
  }
  expect((await client.query('select sum(total) as total, count(*) as n from invoice')).rows).toEqual([
    { total: '6', n: '6' },
  ])
  const where = await client.query('select current_schema() as s from invoice where tenant = $1', ['globex'])
  expect(where.rows[0]).toEqual({ s: 'globex' })
  await client.shard(
    'umbrella',
    async () => {
      await expect(client.query('select * from invoice where tenant = $1', ['acme'])).rejects.toMatchObject({
        code: 'SIGNALBOX_WRONG_SHARD',
      })
      expect((await client.query('select * from invoice where tenant = $1', ['umbrella'])).rowCount).toBe(2)
    },
    { lock: true },
  )
})
