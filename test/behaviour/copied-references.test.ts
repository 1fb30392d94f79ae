import { describe, expect, it } from 'vitest'
import { connect, CopyError, type Client, type Dsn, type Engine } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

type Copying = Client<'here' | 'there'>

async function withDatabases(engine: Engine, run: (client: Copying) => Promise<void>): Promise<void> {
  await using here = await freshDatabase(engine)
  await using there = await freshDatabase(engine)
  await using client = await connect({ databases: { here: here.dsn as Dsn, there: there.dsn as Dsn } })
  await run(client)
}

async function onBoth(client: Copying, ...texts: readonly string[]): Promise<void> {
  for (const name of ['here', 'there'] as const) for (const text of texts) await client.using(name).query(text)
}

async function count(client: Copying, table: string): Promise<number> {
  const { rows } = await client.using('there').query<{ n: number }>(`select count(*) as n from ${table}`)
  return Number(rows[0]?.n)
}

const constraint = (engine: Engine, name: string, column: string, table: string): string =>
  `constraint ${name} foreign key (${column}) references ${table} (id)${engine === 'postgres' ? ' deferrable' : ''}`

/** Rows that point at later ones, too. */
async function staff(client: Copying, engine: Engine): Promise<void> {
  await onBoth(
    client,
    `create table staff (id integer primary key, boss integer${engine === 'postgres' ? ' references staff (id) deferrable' : ''}${engine === 'sqlite' ? ' references staff (id)' : ''}` +
      (engine === 'mysql' ? ', foreign key (boss) references staff (id))' : ')'),
  )
  for (let id = 1; id <= 12; id += 1) await client.using('here').query(`insert into staff (id) values (${id})`)
  await client.using('here').query('update staff set boss = 13 - id where id < 6')
}

/** Two tables that point at each other. */
async function circle(client: Copying, engine: Engine, deferrable = true): Promise<void> {
  const deferred =
    engine === 'postgres' && !deferrable ? (text: string) => text.replace(' deferrable', '') : (text: string) => text
  if (engine === 'sqlite')
    await onBoth(
      client,
      'create table team (id integer primary key, lead integer references member (id))',
      'create table member (id integer primary key, team integer references team (id))',
    )
  else
    await onBoth(
      client,
      'create table team (id integer primary key, lead integer)',
      `create table member (id integer primary key, team integer, ${deferred(constraint(engine, 'its_team', 'team', 'team'))})`,
      `alter table team add ${deferred(constraint(engine, 'its_lead', 'lead', 'member'))}`,
    )
  for (const text of [
    'insert into team (id) values (1), (2)',
    'insert into member (id, team) values (10, 1), (20, 2)',
    'update team set lead = id * 10',
  ])
    await client.using('here').query(text)
}

describe.each(testedEngines)('rows that point at each other, on %s,', (engine) => {
  it('are copied within one table, whatever their order', async () => {
    await withDatabases(engine, async (client) => {
      await staff(client, engine)
      await client.copyRows({ from: 'here', to: 'there', table: 'staff', batchSize: 2, onConflict: 'skip' })
      const { rows } = await client.using('there').query('select id, boss from staff where id < 6 order by id')
      expect(rows).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, boss: 13 - id })))
      // The server checks references again.
      const dangling = client.using('there').query('insert into staff (id, boss) values (50, 51)')
      await expect(dangling).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
    })
  })

  it('are copied in a circle of tables, and refused in batches', async () => {
    await withDatabases(engine, async (client) => {
      await circle(client, engine)
      const tables = ['member', 'team']
      const refused = client.copyRows({ from: 'here', to: 'there', table: tables, resume: 'circle' })
      await expect(refused).rejects.toThrow(CopyError)
      await expect(refused).rejects.toThrow(/in a circle .*without resume/)
      await client.copyRows({ from: 'here', to: 'there', table: tables })
      expect([await count(client, 'team'), await count(client, 'member')]).toEqual([2, 2])
    })
  })

  it('are refused if what they point at is not there', async () => {
    await withDatabases(engine, async (client) => {
      await circle(client, engine)
      const alone = client.copyRows({ from: 'here', to: 'there', table: 'member' })
      await expect(alone).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', database: 'there' })
      const half = [{ table: 'team', where: 'id = 1' }, 'member']
      const dangling = client.copyRows({ from: 'here', to: 'there', table: half })
      await expect(dangling).rejects.toMatchObject({
        code: engine === 'mysql' ? 'SIGNALBOX_COPY' : 'SIGNALBOX_CONSTRAINT',
      })
      expect([await count(client, 'team'), await count(client, 'member')]).toEqual([0, 0])
    })
  })
})

describe.runIf(testedEngines.includes('postgres'))('a circle that PostgreSQL checks at once', () => {
  it('is refused by the names of its foreign keys', async () => {
    await withDatabases('postgres', async (client) => {
      await circle(client, 'postgres', false)
      const refused = client.copyRows({ from: 'here', to: 'there', table: ['team', 'member'] })
      await expect(refused).rejects.toThrow(/alter constraint its_(?:team|lead) deferrable/)
    })
  })
})
