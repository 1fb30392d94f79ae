import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestServer } from '../../src/testing/index.ts'
import { failureOf, preparing, startAccountShards, type AccountShards } from '../support/account-shards.ts'
import { sqlFor } from '../support/dialect.ts'
import { privateServer, testedEngines } from '../support/servers.ts'

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
  'streams of distributed transactions on %s',
  (engine) => {
    let server: TestServer
    let accounts: AccountShards
    let { client, set, amounts, run }: AccountShards = {} as AccountShards

    beforeAll(async () => {
      server = await privateServer(engine, preparing(engine))
    })
    afterAll(async () => await server.stop())

    beforeEach(async () => {
      accounts = await startAccountShards(engine, server)
      ;({ client, set, amounts, run } = accounts)
    })
    afterEach(async () => await accounts[Symbol.asyncDispose]())

    it('stream what they wrote, of one shard and merged of several', async () => {
      await run(async (tx) => {
        await tx.query(set, [3, 1])
        await tx.query(set, [1, 2])
        const text = 'select customer_id, amount from account order by amount, customer_id'
        expect(await Array.fromAsync(tx.stream(text))).toEqual([
          { customer_id: 3, amount: 0 },
          { customer_id: 2, amount: 1 },
          { customer_id: 1, amount: 3 },
        ])
        expect(await amounts()).toEqual([0, 0, 0])
        const own = tx.stream<{ amount: number }>(
          sqlFor(engine, 'select amount from account where customer_id = ?'),
          [1],
        )
        expect(await Array.fromAsync(own)).toEqual([{ amount: 3 }])
        const sum = tx.stream<{ total: unknown }>('select sum(amount) as total from account')
        expect((await Array.fromAsync(sum)).map(({ total }) => Number(total))).toEqual([4])
        for await (const _ of tx.stream(text)) break
        const inner = tx.transaction(async (nested) => {
          await nested.query(set, [9, 3])
          for await (const row of nested.stream<{ amount: number }>(text)) if (row.amount === 9) throw new Error('undo')
        })
        expect(await failureOf(inner)).toMatchObject({ message: 'undo' })
      })
      expect(await amounts()).toEqual([3, 1, 0])
      expect(client.shardStats()['default']!.shards['a']!.byKey.statements).toBeGreaterThan(1)
    })

    it('do nothing else while a stream is open, and cannot end then', async () => {
      const text = 'select customer_id from account order by customer_id'
      const open = {
        code: 'SIGNALBOX_UNSUPPORTED',
        message: expect.stringContaining('A stream of the distributed transaction is open'),
      }
      await run(async (tx) => {
        await tx.transaction(async (nested) => {
          for await (const _ of nested.stream(text)) {
            // Also on another shard than those of the rows.
            expect(await failureOf(nested.query(set, [1, 3]))).toMatchObject(open)
            break
          }
          await nested.query(set, [2, 3])
        })
      })
      expect(await amounts()).toEqual([0, 0, 2])
      const unread = run(async (tx) => {
        await tx.query(set, [7, 1])
        await tx.stream(text).next()
      })
      expect(await failureOf(unread)).toMatchObject(open)
      const written = run(async (tx) => {
        const change = tx.stream('update account set amount = 1', [], { allShards: true })
        await change.next()
      })
      expect(await failureOf(written)).toMatchObject({ message: expect.stringContaining('Use query()') })
      expect(
        await failureOf(run(async (tx) => await Array.fromAsync(tx.stream('select nothing_such from account')))),
      ).toMatchObject({
        code: 'SIGNALBOX_SYNTAX',
      })
      expect(await amounts()).toEqual([0, 0, 2])
    })
  },
)
