import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DistributedEvent, Dsn } from '../../src/index.ts'
import { startFaultProxy, type TestServer } from '../../src/testing/index.ts'
import { sqlFor } from '../support/dialect.ts'
import { ownedShop, type OwnedShop } from '../support/owned-shop.ts'
import { privateServer, testedEngines } from '../support/servers.ts'

const log = 'control'

/** What a subscriber of the steps does; ends with the block. */
function onStep(listener: (event: DistributedEvent) => void): Disposable {
  const receive = (message: unknown): void => listener(message as DistributedEvent)
  subscribe('signalbox:distributed-transaction', receive)
  return { [Symbol.dispose]: () => void unsubscribe('signalbox:distributed-transaction', receive) }
}

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
  'a distributed transaction with a directory of owners on %s',
  (engine) => {
    let server: TestServer
    const sql = (text: string): string => sqlFor(engine, text)
    const insert = sql('insert into purchase (customer_id, id, total) values (?, ?, ?)')
    const update = sql('update purchase set total = 99 where customer_id = ?')

    beforeAll(async () => {
      // At READ COMMITTED MariaDB drops the shared locks of a branch that is prepared.
      const settings = { 'transaction-isolation': 'READ-COMMITTED' }
      server = await privateServer(engine, engine === 'postgres' ? { max_prepared_transactions: '20' } : settings)
    })
    afterAll(async () => await server.stop())

    const made = async (): Promise<OwnedShop> => {
      const shop = await ownedShop(engine, {}, async () => {
        const { dsn } = await server.createDatabase()
        return { dsn, drop: async () => await Promise.resolve() }
      })
      await shop.client.setUpTransactionLog({ log })
      for (const customer of [1, 2, 3, 4, 5]) await shop.client.query(insert, [customer, 1, 1])
      return shop
    }

    /** Two customers on different shards, and a shard where the first is not. */
    async function apart(shop: OwnedShop): Promise<{ first: number; second: number; to: string }> {
      const owners = await shop.client.findShards([1, 2, 3, 4, 5])
      const second = owners.findIndex((owner) => owner !== owners[0]) + 1
      return { first: 1, second, to: (await shop.placesOf(1)).other }
    }

    it('proves its keys on each branch, and is rolled back where one has moved', async () => {
      await using shop = await made()
      const { first, second, to } = await apart(shop)
      const other = await shop.another({ maxStalenessMs: 3_600_000 })
      for (const customer of [first, second]) await other.query(update, [customer])
      await shop.move(first, to)
      const work = async (): Promise<void> =>
        await other.distributedTransaction(
          async (tx) => {
            await tx.query(sql('update purchase set total = 5 where customer_id = ?'), [second])
            await tx.query(sql('update purchase set total = 5 where customer_id = ?'), [first])
          },
          { log },
        )
      await expect(work()).rejects.toMatchObject({ code: 'SIGNALBOX_OWNER_MOVED', safeToRetry: true })
      const totals = async (): Promise<unknown[]> =>
        (await shop.client.query<{ total: number }>('select total from purchase where total = 5')).rows
      expect(await totals()).toEqual([])
      await work()
      expect(await totals()).toHaveLength(2)
    })

    it('keeps its keys while it is prepared: who gives one away waits for the decision', async () => {
      await using shop = await made()
      const { first, second, to } = await apart(shop)
      await using proxy = await startFaultProxy(server)
      const through = await shop.another({}, {}, proxy.through(shop.databases.control.dsn) as Dsn)
      const work = through.distributedTransaction(
        async (tx) => {
          await tx.query(update, [second])
          await tx.query(update, [first])
        },
        { log, timeoutMs: 2_000 },
      )
      // The log is gone at the moment of the decision.
      using _ = onStep(({ step }) => {
        if (step !== 'all-prepared') return
        proxy.refuse()
        proxy.reset()
      })
      await expect(work).rejects.toMatchObject({ code: 'SIGNALBOX_IN_DOUBT' })
      let isMoved = false
      const moved = shop.move(first, to).then(() => (isMoved = true))
      await sleep(500)
      expect(isMoved).toBe(false)
      // Not only is it held up by the rows that are locked: it was not given away.
      expect(await shop.client.findShard(first)).not.toBe(to)
      await shop.client.recoverTransactions({ log, olderThanMs: 0 })
      await moved
      expect(await shop.purchasesOn(to)).toContain(`${first}/1`)
      const { rows } = await shop.client.query<{ total: number }>('select total from purchase where total = 99')
      expect(rows).toHaveLength(0)
    })
  },
)
