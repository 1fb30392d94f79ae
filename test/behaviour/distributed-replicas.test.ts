import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Client, type Dsn } from '../../src/index.ts'
import {
  startMariadbCluster,
  startPostgresCluster,
  type ClusterDatabase,
  type TestCluster,
} from '../../src/testing/index.ts'
import { accountsConfig } from '../support/distributed-accounts.ts'
import { freshDatabase, sharedServer, testedEngines, type TestDatabase } from '../support/servers.ts'
import type { TransferOrder } from '../support/transfer-process.ts'

const log = 'control'

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
  'distributed transactions with replicas on %s',
  (engine) => {
    let cluster: TestCluster
    let shards: ClusterDatabase[]
    let control: TestDatabase
    let client: Client<'default' | 'control'>

    beforeEach(async () => {
      const { template } = sharedServer(engine)
      cluster =
        engine === 'postgres'
          ? await startPostgresCluster({ template, settings: { max_prepared_transactions: '10' } })
          : await startMariadbCluster({ template })
      shards = [await cluster.createDatabase(), await cluster.createDatabase(), await cluster.createDatabase()]
      control = await freshDatabase(engine)
      client = await connect(accountsConfig(dsns()))
      await client.query('create table account (customer_id integer primary key, amount integer not null)')
      for (const key of [1, 2, 3]) await client.query(`insert into account (customer_id, amount) values (${key}, 0)`)
      await client.setUpTransactionLog({ log })
      await cluster.caughtUp()
    })

    afterEach(async () => {
      await client.close()
      await cluster.stop()
      await control.drop()
    })

    function dsns() {
      const [a, b, c] = shards.map(({ primary, replicas }) => ({ primary, replicas }))
      return { a: a!, b: b!, c: c!, control: control.dsn as Dsn }
    }

    async function amounts(): Promise<number[]> {
      const text = 'select amount, customer_id from account order by customer_id'
      return (await client.query<{ amount: number }>(text, [], { role: 'primary' })).rows.map(({ amount }) => amount)
    }

    it('a session reads what it wrote in one, though no replica has it', async () => {
      await client.session(async () => {
        await client.distributedTransaction(
          async (tx) => {
            for (const key of [1, 2, 3]) await tx.query(`update account set amount = 5 where customer_id = ${key}`)
            await cluster.caughtUp()
            // What the session must see from now on is what the replicas have; the commit changes that.
            for (const key of [1, 2, 3])
              expect((await client.query(`select amount from account where customer_id = ${key}`)).rows).toEqual([
                { amount: 0 },
              ])
            for (const replica of cluster.replicas) await cluster.pauseReplay(replica)
          },
          { log },
        )
        for (const key of [1, 2, 3]) {
          const { rows } = await client.query(`select amount from account where customer_id = ${key}`)
          expect(rows).toEqual([{ amount: 5 }])
        }
      })
      for (const replica of cluster.replicas) await cluster.resumeReplay(replica)
    })

    it('what is prepared is ended on the next primary', async () => {
      const child = fork(join(import.meta.dirname, '../support/transfer-process.ts'), { execPath: process.execPath })
      const exited = once(child, 'exit')
      child.send({ dsns: dsns(), keys: [1, 2, 3], amount: 6, dieAt: 'decided' } satisfies TransferOrder)
      expect(await exited).toEqual([null, 'SIGKILL'])
      await cluster.caughtUp()
      expect(await amounts()).toEqual([0, 0, 0])
      cluster.primary.kill('SIGKILL')
      await cluster.primary.exited()
      await cluster.promote(await cluster.mostAdvanced())
      await expect
        .poll(
          async () => {
            const { branches, unreachable } = await client.recoverTransactions({ log, olderThanMs: 0 })
            return [branches.filter(({ outcome }) => outcome === 'left'), unreachable]
          },
          { timeout: 20_000 },
        )
        .toEqual([[], []])
      expect(await amounts()).toEqual([6, 6, 6])
    })
  },
)
