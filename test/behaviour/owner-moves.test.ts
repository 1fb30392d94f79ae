import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SignalboxError } from '../../src/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { ownedShop, type OwnedClient, type OwnedShop, type ShopShard } from '../support/owned-shop.ts'
import { testedEngines } from '../support/servers.ts'

describe.each(testedEngines)('a key is given to another shard on %s', (engine) => {
  let shop: OwnedShop
  let client: OwnedClient
  let own: ShopShard
  let to: ShopShard
  const sql = (text: string): string => sqlFor(engine, text)
  const insert = sql('insert into purchase (customer_id, id, total) values (?, ?, ?)')
  const update = sql('update purchase set total = total + 1 where customer_id = ?')

  beforeEach(async () => {
    shop = await ownedShop(engine)
    client = shop.client
    for (const id of [1, 2]) await client.query(insert, [7, id, 10])
    ;({ own, other: to } = await shop.placesOf(7))
  })
  afterEach(async () => await shop[Symbol.asyncDispose]())

  async function expectOn(shard: ShopShard): Promise<void> {
    const all = Object.fromEntries(
      await Promise.all((['a', 'b', 'c'] as const).map(async (each) => [each, await shop.purchasesOn(each)])),
    )
    expect(all).toEqual({ a: [], b: [], c: [], [shard]: ['7/1', '7/2'] })
    expect(await client.findShard(7)).toBe(shard)
    const other = await shop.another()
    expect((await other.query(update, [7])).rowCount).toBe(2)
  }

  it('to where it is, and back again', async () => {
    await shop.move(7, own)
    await expectOn(own)
    await shop.move(7, to)
    await expectOn(to)
    await shop.move(7, own)
    await expectOn(own)
  })

  it('by several processes at once, which copy it once', async () => {
    const movers = [client, await shop.another(), await shop.another()]
    // On PostgreSQL and MariaDB one may lose against another, and call again.
    const moved = await Promise.allSettled(movers.map(async (mover) => await shop.move(7, to, mover)))
    if (moved.some(({ status }) => status === 'rejected')) await shop.move(7, to)
    await expectOn(to)
  })

  it('not if its rows cannot be copied: then it stays, and takes changes again', async () => {
    const failing = client.moveOwner(7, {
      to,
      async copy({ to: there }) {
        await there.query(insert, [7, 1, 10])
        throw new Error('no room')
      },
      async remove(from) {
        await from.query(sql('delete from purchase where customer_id = ?'), [7])
      },
    })
    await expect(failing).rejects.toThrow('no room')
    await expectOn(own)
    await shop.move(7, to)
    await expectOn(to)
  })

  it('and what the copy changes on the old shard is undone', async () => {
    await client.moveOwner(7, {
      to,
      async copy({ from, to: there }) {
        await from.query(sql('delete from purchase where customer_id = ?'), [7])
        for (const id of [1, 2]) await there.query(insert, [7, id, 10])
      },
      remove: async () => await Promise.resolve(),
    })
    expect(await shop.purchasesOn(own)).toEqual(['7/1', '7/2'])
    expect(await shop.purchasesOn(to)).toEqual(['7/1', '7/2'])
  })

  it('goes on where it was left, when its rows could not be removed', async () => {
    const copy = sql('select id, total from purchase where customer_id = ?')
    const half = client.moveOwner(7, {
      to,
      async copy({ from, to: there }) {
        const { rows } = await from.query<{ id: number; total: number }>(copy, [7])
        for (const { id, total } of rows) await there.query(insert, [7, id, total])
      },
      remove: async () => await Promise.reject(new Error('not now')),
    })
    await expect(half).rejects.toThrow('not now')
    // It has moved, and takes changes on its new shard.
    expect(await client.findShard(7)).toBe(to)
    expect((await client.query(update, [7])).route.shards).toEqual([to])
    const third = (['a', 'b', 'c'] as const).find((shard) => shard !== own && shard !== to) ?? 'a'
    await expect(shop.move(7, third)).rejects.toThrow(`its rows on "${own}" are not removed yet`)
    await shop.move(7, to)
    await expectOn(to)
  })

  it('goes on where it was left, when the process died after the old shard gave it away', async () => {
    await shop.behind('control', `update signalbox_shard_owner set moving_to = '${to}'`)
    await shop.behind(own, "update signalbox_owned_key set state = 'moved', epoch = 2")
    const other = await shop.another()
    const begun = performance.now()
    const error: unknown = await other.query(update, [7], { timeoutMs: 300 }).catch((thrown: unknown) => thrown)
    // The time may also be over while the shard is asked.
    expect(['SIGNALBOX_OWNER_MOVED', 'SIGNALBOX_TIMEOUT']).toContain((error as SignalboxError).code)
    expect(performance.now() - begun).toBeLessThan(2_000)
    // A change that waits is made when the move is done.
    const waiting = other.query(update, [7])
    await sleep(50)
    await shop.move(7, to)
    expect(await waiting).toMatchObject({ rowCount: 2, route: { shards: [to] } })
    await expectOn(to)
  })

  it('or is called off then', async () => {
    await shop.behind('control', `update signalbox_shard_owner set moving_to = '${to}'`)
    await shop.behind(own, "update signalbox_owned_key set state = 'moved', epoch = 2")
    await shop.move(7, own)
    await expectOn(own)
    await shop.move(7, to)
    await expectOn(to)
  })

  it('but not once its rows were copied', async () => {
    await shop.behind('control', `update signalbox_shard_owner set moving_to = '${to}'`)
    await shop.behind(own, "update signalbox_owned_key set state = 'moved', epoch = 2")
    await shop.behind(to, "insert into signalbox_owned_key values ('shop', '7', 'owned', 2)")
    for (const id of [1, 2]) await shop.behind(to, `insert into purchase values (7, ${id}, 10)`)
    await expect(shop.move(7, own)).rejects.toThrow(`its rows are on "${to}" already`)
    await shop.move(7, to)
    await expectOn(to)
  })

  it('without rows, where nobody says how they go along', async () => {
    await client.query(insert, [8, 1, 1])
    await client.query(sql('delete from purchase where customer_id = ?'), [8])
    const { other } = await shop.placesOf(8)
    await client.moveOwner(8, { to: other })
    expect(await client.findShard(8)).toBe(other)
    await client.query(insert, [8, 1, 1])
    expect(await shop.purchasesOn(other)).toContain('8/1')
  })

  it('says what cannot be', async () => {
    await expect(client.moveOwner(99, { to: 'a' })).rejects.toMatchObject({ code: 'SIGNALBOX_SHARD_KEY' })
    await expect(client.moveOwner(7, { to: 'z' })).rejects.toThrow('options.to: There is no shard "z"')
    await expect(client.moveOwner(7, { to: 'a', copy: async () => await Promise.resolve() })).rejects.toThrow(
      'both, or neither',
    )
    await shop.behind('control', `update signalbox_shard_owner set moving_to = '${to}'`)
    const third = (['a', 'b', 'c'] as const).find((shard) => shard !== own && shard !== to) ?? 'a'
    await expect(client.moveOwner(7, { to: third })).rejects.toThrow(`it is on its way to "${to}"`)
  })

  it('a change of rows of several keys that is cut short says which shards have it', async () => {
    const customers = [1, 2, 3, 4, 5, 6]
    const many = sql(
      `insert into purchase (customer_id, id, total) values ${customers.map(() => '(?, 1, 1)').join(', ')}`,
    )
    for (const customer of customers) await client.query(insert, [customer, 0, 1])
    // The last shard of the statement says that its keys are gone, and the directory still names it.
    const owners = await client.findShards(customers)
    const last = (['c', 'b', 'a'] as const).find((shard) => owners.includes(shard)) ?? 'a'
    await shop.behind(last, "update signalbox_owned_key set state = 'moved', epoch = 2")
    await expect(client.query(many, customers)).rejects.toMatchObject({
      code: 'SIGNALBOX_PARTIAL_WRITE',
      failed: last,
      cause: { code: 'SIGNALBOX_OWNER_MOVED' },
    })
  })
})
