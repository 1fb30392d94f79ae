import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SignalboxError, type Dsn } from '../../src/index.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { ownedShop, type OwnedClient, type OwnedShop } from '../support/owned-shop.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'
import { subscribedQueries } from '../support/subscribed-queries.ts'

const shards = ['a', 'b', 'c']

function code(error: unknown): string {
  return error instanceof SignalboxError ? error.code : String(error)
}

describe.each(testedEngines)('a directory of owners on %s', (engine) => {
  let shop: OwnedShop
  let client: OwnedClient
  const sql = (text: string): string => sqlFor(engine, text)
  const insert = sql('insert into purchase (customer_id, id, total) values (?, ?, ?)')
  const select = sql('select id from purchase where customer_id = ?')
  const update = sql('update purchase set total = total + 1 where customer_id = ?')

  beforeEach(async () => {
    shop = await ownedShop(engine)
    client = shop.client
  })
  afterEach(async () => await shop[Symbol.asyncDispose]())

  /** Every purchase there is, with the shard that it is on. */
  async function everywhere(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>()
    for (const shard of shards)
      for (const purchase of await shop.purchasesOn(shard)) found.set(purchase, [...(found.get(purchase) ?? []), shard])
    return found
  }

  /** Each purchase is there once, and on the shard of its customer. */
  async function expectAllAtHome(purchases: readonly string[]): Promise<void> {
    const found = await everywhere()
    expect([...found.keys()].sort()).toEqual([...purchases].sort())
    const customers = [...new Set(purchases.map((purchase) => Number(purchase.split('/')[0])))]
    const owners = await client.findShards(customers)
    for (const [index, customer] of customers.entries())
      for (const [purchase, on] of found)
        if (purchase.startsWith(`${customer}/`)) expect(on, purchase).toEqual([owners[index]])
  }

  it('a key gets its owner with its first row, and all find it there', async () => {
    expect(await client.findShard(7)).toBeUndefined()
    const { route } = await client.query(insert, [7, 1, 10])
    expect(route.shards).toEqual([await client.findShard(7)])
    const other = await shop.another()
    const { rows, route: read } = await other.query(select, [7])
    expect(rows).toEqual([{ id: 1 }])
    expect(read.shards).toEqual(route.shards)
    expect((await other.query(update, [7])).rowCount).toBe(1)
    expect((await client.query('select count(*) as n from purchase')).rows).toHaveLength(1)
  })

  it('of 200 first placements at once, by several processes, each key has one owner', async () => {
    const clients = [client, await shop.another(), await shop.another(), await shop.another()]
    const purchases = Array.from({ length: 200 }, (_, id) => ({ customer: id % 20, id }))
    await Promise.all(
      purchases.map(async ({ customer, id }) => await clients[id % 4]!.query(insert, [customer, id, 1])),
    )
    await expectAllAtHome(purchases.map(({ customer, id }) => `${customer}/${id}`))
    const counts = await client.keyCounts()
    expect(Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0)).toBe(20)
  })

  it('even if they would choose different shards', async () => {
    const clients = await Promise.all(
      shards.map(async (only) => {
        const acceptNew = Object.fromEntries(shards.map((shard) => [shard, shard === only]))
        return await shop.another({ acceptNew })
      }),
    )
    const purchases = Array.from({ length: 90 }, (_, id) => ({ customer: id % 15, id }))
    await Promise.all(
      purchases.map(async ({ customer, id }) => await clients[id % 3]!.query(insert, [customer, id, 1])),
    )
    await expectAllAtHome(purchases.map(({ customer, id }) => `${customer}/${id}`))
  })

  it('no write that was acknowledged is lost while keys are moved under writers that remember their old places', async () => {
    const customers = [1, 2, 3, 4]
    for (const customer of customers) await client.query(insert, [customer, 0, 0])
    const writers = await Promise.all([1, 2, 3].map(async () => await shop.another({ maxStalenessMs: 3_600_000 })))
    for (const writer of writers) for (const customer of customers) await writer.query(select, [customer])
    const written = customers.map((customer) => `${customer}/0`)
    const refused: string[] = []
    const moves = { isOver: false }
    const write = async (writer: OwnedClient, first: number): Promise<void> => {
      for (let round = 0; !moves.isOver || round < 40; round += 1) {
        const [customer, id] = [customers[round % 4]!, first + round]
        try {
          if (round % 5 === 0) await writer.transaction(async (tx) => await tx.query(insert, [customer, id, 1]))
          else await writer.query(insert, [customer, id, 1])
          written.push(`${customer}/${id}`)
        } catch (error) {
          if (code(error) !== 'SIGNALBOX_OWNER_MOVED') throw error
          refused.push(`${customer}/${id}`)
        }
        // SQLite gives its lock to whoever asks at the right moment, and these would ask all the time.
        if (engine === 'sqlite') await sleep(20)
      }
    }
    const moving = (async () => {
      for (let round = 0; round < 12; round += 1) {
        const customer = customers[round % 4]!
        const { other } = await shop.placesOf(customer)
        await shop.move(customer, other)
      }
      moves.isOver = true
    })()
    await Promise.all([moving, ...writers.map(async (writer, index) => await write(writer, 1 + index * 100_000))])
    // Of the transactions, which are not tried again, some are refused: how many is a matter of luck.
    expect(written.length + refused.length).toBeGreaterThanOrEqual(124)
    expect(written.length).toBeGreaterThan(80)
    await expectAllAtHome(written)
    for (const purchase of refused) expect(written).not.toContain(purchase)
  }, 120_000)

  it('a change goes where the key is now, however old what is remembered', async () => {
    await client.query(insert, [7, 1, 10])
    const other = await shop.another({ maxStalenessMs: 3_600_000 })
    await other.query(update, [7])
    const { own, other: to } = await shop.placesOf(7)
    await shop.move(7, to)
    expect((await other.query(select, [7])).rows).toEqual([])
    const { rowCount, route } = await other.query(update, [7])
    expect([rowCount, route.shards]).toEqual([1, [to]])
    expect((await other.query(select, [7])).rows).toEqual([{ id: 1 }])
    await shop.move(7, own)
    expect((await other.query(update, [7])).route.shards).toEqual([own])
  })

  it('a transaction that began on the wrong shard is rolled back, and can be repeated', async () => {
    for (const id of [1, 2]) await client.query(insert, [7, id, 10])
    const other = await shop.another({ maxStalenessMs: 3_600_000 })
    await other.query(select, [7])
    const { other: to } = await shop.placesOf(7)
    await shop.move(7, to)
    const work = async (): Promise<unknown> => await other.transaction(async (tx) => await tx.query(update, [7]))
    const error: unknown = await work().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'SIGNALBOX_OWNER_MOVED', safeToRetry: true, keys: ['7'], database: 'shop' })
    expect((error as Error).message).toContain('Nothing of the statement was sent')
    expect(await work()).toMatchObject({ rowCount: 2, route: { shards: [to] } })
  })

  it('a transaction proves a key once, and what a savepoint proved is gone when it is undone', async () => {
    await client.query(insert, [7, 1, 10])
    await client.query(update, [7])
    const { own, other: to } = await shop.placesOf(7)
    const tx = client.begin()
    await tx.query(select, [7])
    const inner = tx.begin()
    await inner.query(update, [7])
    await inner.rollback()
    if (engine === 'postgres') {
      // Elsewhere the locks of a savepoint stay until the end of the transaction.
      await shop.move(7, to, await shop.another())
      await expect(tx.query(update, [7])).rejects.toMatchObject({ code: 'SIGNALBOX_OWNER_MOVED' })
    } else {
      expect((await tx.query(update, [7])).route.shards).toEqual([own])
    }
    await tx.rollback()
  })

  it('who gives a key away waits for the transactions that have proved it', async () => {
    await client.query(insert, [7, 1, 10])
    const { other: to } = await shop.placesOf(7)
    const tx = client.begin()
    await tx.query(insert, [7, 2, 10])
    let isMoved = false
    const moved = shop.move(7, to).then(() => (isMoved = true))
    await sleep(200)
    expect(isMoved).toBe(false)
    await tx.query(insert, [7, 3, 10])
    await tx.commit()
    await moved
    expect(await shop.purchasesOn(to)).toEqual(['7/1', '7/2', '7/3'])
  })

  it('holds on a reserved connection, which is on one shard', async () => {
    await client.query(insert, [7, 1, 10])
    await using reserved = client.reserve()
    expect((await reserved.query(update, [7])).rowCount).toBe(1)
    const { other: to } = await shop.placesOf(7)
    await shop.move(7, to, await shop.another())
    await expect(reserved.query(update, [7])).rejects.toMatchObject({ code: 'SIGNALBOX_OWNER_MOVED' })
  })

  it('that nobody owns a key is not remembered, and changes of it find no rows', async () => {
    const other = await shop.another({ maxStalenessMs: 3_600_000 })
    expect((await other.query(select, [7])).rows).toEqual([])
    expect((await other.query(update, [7])).rowCount).toBe(0)
    expect(await client.findShard(7)).toBeUndefined()
    const elsewhere = await shop.another({ acceptNew: { a: false } })
    await elsewhere.query(insert, [7, 1, 10])
    expect((await other.query(select, [7])).rows).toEqual([{ id: 1 }])
    expect((await other.query(update, [7])).rowCount).toBe(1)
  })

  it('a shard that takes no new keys keeps those that it has', async () => {
    for (let customer = 0; customer < 12; customer += 1) await client.query(insert, [customer, 1, 1])
    const before = await client.keyCounts()
    const closed = await shop.another({ acceptNew: { a: false } })
    for (let customer = 0; customer < 30; customer += 1) await closed.query(insert, [customer, 2, 1])
    const after = await closed.keyCounts()
    expect(after?.['a']).toBe(before?.['a'])
    expect(Object.values(after ?? {}).reduce((sum, count) => sum + count, 0)).toBe(30)
    await expectAllAtHome([...(await everywhere()).keys()])
  })

  it('asks once for all keys of a statement, and not again while it remembers them', async () => {
    const customers = Array.from({ length: 40 }, (_, customer) => customer)
    for (const customer of customers) await client.query(insert, [customer, 1, 1])
    const other = await shop.another()
    const many = sql(`select customer_id from purchase where customer_id in (${customers.map(() => '?').join(', ')})`)
    using queries = subscribedQueries()
    const asked = (): number => queries.all.filter(({ route }) => route.database === 'control').length
    expect((await other.query(many, customers)).rows).toHaveLength(40)
    expect(asked()).toBe(1)
    expect((await other.query(many, customers)).rows).toHaveLength(40)
    expect((await other.query(select, [5])).rows).toHaveLength(1)
    expect(asked()).toBe(1)
  })

  it('rows of several keys are placed together, and each shard gets its own', async () => {
    const customers = Array.from({ length: 30 }, (_, customer) => customer)
    const many = sql(
      `insert into purchase (customer_id, id, total) values ${customers.map(() => '(?, 1, 1)').join(', ')}`,
    )
    using queries = subscribedQueries()
    const { rowCount, route } = await client.query(many, customers)
    expect(rowCount).toBe(30)
    expect(route.shards).toEqual(shards)
    // Whoever has none, the places, and what has become of them; then once for each shard, which has to be told of its keys.
    expect(queries.all.filter(({ route: on }) => on.database === 'control')).toHaveLength(3 + 3)
    await expectAllAtHome(customers.map((customer) => `${customer}/1`))
  })

  it('in a scope the key of the scope is proved, whatever the text says', async () => {
    await client.query(insert, [7, 1, 10])
    const { other: to } = await shop.placesOf(7)
    const other = await shop.another({ maxStalenessMs: 3_600_000 })
    await other.query(select, [7])
    await shop.move(7, to)
    const all = 'update purchase set total = 77'
    const { rowCount, route } = await other.shard(7, async () => await other.query(all))
    expect([rowCount, route.shards]).toEqual([1, [to]])
    const locked = await other.shard(7, async () => await other.query(update, [7]), { lock: true })
    expect(locked.rowCount).toBe(1)
    // The first rows of a key may be brought by a statement that does not name it.
    await other.shard(8, async () => await other.query('insert into purchase select 8, 1, 1'))
    expect(await client.findShard(8)).toBeDefined()
    await expectAllAtHome(['7/1', '8/1'])
  })

  it('a change of all shards proves no key, and meets each row once, whatever is moved', async () => {
    for (const customer of [1, 2, 3, 4]) await client.query(insert, [customer, 1, 0])
    const { rowCount } = await client.query('update purchase set total = total + 1', [], { allShards: true })
    expect(rowCount).toBe(4)
    const moves = { isOver: false }
    let changes = 1
    const changing = (async () => {
      while (!moves.isOver) {
        try {
          await client.query('update purchase set total = total + 1', [], { allShards: true })
          changes += 1
        } catch (error) {
          expect(code(error)).toBe('SIGNALBOX_OWNER_MOVED')
        }
        await sleep(engine === 'sqlite' ? 20 : 1)
      }
    })()
    const mover = await shop.another()
    for (let round = 0; round < 12; round += 1) {
      const customer = 1 + (round % 4)
      await shop.move(customer, (await shop.placesOf(customer)).other, mover)
      await sleep(5)
    }
    moves.isOver = true
    await changing
    expect(changes).toBeGreaterThan(2)
    const { rows } = await client.query<{ total: number }>('select total from purchase')
    expect(rows.map(({ total }) => total)).toEqual([changes, changes, changes, changes])
    const some = sql('update purchase set total = 6 where customer_id in (?, ?, ?, ?)')
    expect((await client.query(some, [1, 2, 3, 4], { allShards: true })).rowCount).toBe(4)
  })

  it('explains what is known without asking', async () => {
    await client.query(insert, [7, 1, 10])
    const other = await shop.another()
    const before = other.explain(select, [7])
    expect(before.shards).toEqual(shards)
    expect(before.reasons.at(-1)).toEqual({
      rule: 'ask-first',
      text: 'on which of these shards its rows are has to be asked: the directory of "shop"',
    })
    expect(before.consistency).toBeUndefined()
    expect(other.preview(select, [7]).destination).toBe('by-key')
    expect(other.preview(select).destination).toBe('by-key')
    expect(other.explain(insert, [9, 1, 1]).shards).toEqual(shards)
    expect(other.shard(7, () => other.explain('select count(*) from purchase')).shards).toEqual(shards)
    await other.query(select, [7])
    expect(other.explain(select, [7]).shards).toEqual([await client.findShard(7)])
    expect(await client.findShard(9)).toBeUndefined()
  })

  it('streams reads, and changes in a transaction alone', async () => {
    await client.query(insert, [7, 1, 10])
    const rows: unknown[] = []
    for await (const row of client.stream(select, [7])) rows.push(row)
    expect(rows).toEqual([{ id: 1 }])
    const changed = (async () => {
      for await (const row of client.stream(update, [7])) rows.push(row)
    })()
    await expect(changed).rejects.toThrow('cannot be streamed by itself')
  })

  it('says what is missing where nothing was set up', async () => {
    await shop.behind('control', 'drop table signalbox_shard_owner')
    await expect(client.query(select, [7])).rejects.toMatchObject({ code: 'SIGNALBOX_DIRECTORY', database: 'control' })
    await expect(client.query(select, [7])).rejects.toThrow('client.setUpShardDirectory({ database: "shop" })')
    await Promise.all([client.setUpShardDirectory(), client.setUpShardDirectory({ database: 'shop' })])
    await client.query(insert, [7, 1, 10])
    const { own } = await shop.placesOf(7)
    await shop.behind(own, 'drop table signalbox_owned_key')
    const other = await shop.another()
    await expect(other.query(update, [7])).rejects.toThrow('could not be asked which keys are its own')
    await expect(other.query(update, [7])).rejects.toThrow('client.setUpShardDirectory({ database: "shop" })')
    await client.setUpShardDirectory()
    expect((await client.query(update, [7])).rowCount).toBe(1)
  })

  it('takes no shard for an owner that is not declared', async () => {
    await client.query(insert, [7, 1, 10])
    await shop.behind('control', "update signalbox_shard_owner set shard = 'z'")
    const other = await shop.another()
    await expect(other.query(select, [7])).rejects.toThrow('names the shard "z" as an owner')
    await expect(other.query(select, [7])).rejects.toMatchObject({ code: 'SIGNALBOX_DIRECTORY' })
  })

  it('goes by what it remembers for as long as it may, and not longer', async () => {
    const clock = { ms: 0 }
    await client.query(insert, [7, 1, 10])
    const other = await shop.another({ maxStalenessMs: 5_000 }, { now: () => clock.ms })
    const { own, other: to } = await shop.placesOf(7)
    await other.query(select, [7])
    await shop.move(7, to)
    clock.ms = 4_999
    expect((await other.query(select, [7])).route.shards).toEqual([own])
    clock.ms = 5_000
    const { rows, route } = await other.query(select, [7])
    expect([rows, route.shards]).toEqual([[{ id: 1 }], [to]])
    const never = await shop.another({ maxStalenessMs: 0 }, { now: () => clock.ms })
    using queries = subscribedQueries()
    for (let call = 0; call < 3; call += 1) await never.query(select, [7])
    expect(queries.all.filter(({ route: on }) => on.database === 'control')).toHaveLength(3)
  })

  it.skipIf(engine === 'sqlite')('reads go on while the directory is down, for as long as they may', async () => {
    const clock = { ms: 0 }
    await client.query(insert, [7, 1, 10])
    await using proxy = await startFaultProxy(sharedServer(engine as 'postgres' | 'mysql'))
    const through = proxy.through(shop.databases.control.dsn) as Dsn
    const other = await shop.another({ maxStalenessMs: 5_000 }, { now: () => clock.ms }, through)
    await other.query(update, [7])
    proxy.refuse()
    proxy.reset()
    expect((await other.query(select, [7])).rows).toEqual([{ id: 1 }])
    expect((await other.query(update, [7])).rowCount).toBe(1)
    clock.ms = 5_000
    const error: unknown = await other.query(select, [7]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'SIGNALBOX_DIRECTORY', safeToRetry: true, database: 'control' })
    expect((error as Error).message).toContain('could not be asked who owns a key')
    await proxy.accept()
    expect((await other.query(select, [7])).rows).toEqual([{ id: 1 }])
  })
})
