import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type DistributedTransaction, type Dsn } from '../../src/index.ts'
import { startFaultProxy, type TestServer } from '../../src/testing/index.ts'
import { customers, failureOf, preparing, startAccountShards, type AccountShards } from '../support/account-shards.ts'
import { accountsConfig } from '../support/distributed-accounts.ts'
import { privateServer, testedEngines } from '../support/servers.ts'

const log = 'control'

type Step = { readonly kind: 'write'; readonly key: number; readonly amount: number } | Nested

interface Nested {
  readonly kind: 'nested'
  readonly steps: readonly Step[]
  readonly ending: 'ends' | 'throws' | 'fails'
}

const { steps: nestedWork } = fc.letrec<{ steps: readonly Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie('step'), { maxLength: 5 }),
  step: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant('write'), key: fc.constantFrom(...customers), amount: fc.nat(99) }),
    fc.record({
      kind: fc.constant('nested'),
      steps: tie('steps'),
      ending: fc.constantFrom('ends', 'throws', 'fails'),
    }),
  ),
}))

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
  'savepoints of distributed transactions on %s',
  (engine) => {
    let server: TestServer
    let accounts: AccountShards
    let { client, dsns, set, add, amounts, run }: AccountShards = {} as AccountShards

    beforeAll(async () => {
      server = await privateServer(engine, preparing(engine))
    })
    afterAll(async () => await server.stop())

    beforeEach(async () => {
      accounts = await startAccountShards(engine, server)
      ;({ client, dsns, set, add, amounts, run } = accounts)
    })
    afterEach(async () => await accounts[Symbol.asyncDispose]())

    it('undo a nested transaction on every branch that it touched', async () => {
      const undo = new Error('undo')
      await run(async (tx) => {
        await tx.query(set, [1, 1])
        await tx.query(set, [1, 2])
        const inner = tx.transaction(async (nested) => {
          await nested.query('update account set amount = 9 where customer_id in (1, 2, 3)', [], { allShards: true })
          throw undo
        })
        expect(await failureOf(inner)).toBe(undo)
        // The branch on "c" was opened inside, and is empty again.
        const { rows } = await tx.query<{ amount: number }>(
          'select amount, customer_id from account order by customer_id',
        )
        expect(rows.map(({ amount }) => amount)).toEqual([1, 1, 0])
        await tx.transaction(async (nested) => {
          await nested.query(set, [2, 2])
          await nested.query(set, [2, 3])
        })
      })
      expect(await amounts()).toEqual([1, 2, 2])
    })

    it('go on after a statement failed inside, on whichever shard', async () => {
      await run(async (tx) => {
        await tx.query(set, [1, 1])
        for (const twice of customers) {
          const inner = tx.transaction(async (nested) => {
            for (const key of customers) if (key !== twice) await nested.query(set, [9, key])
            await nested.query(add, [twice, 9])
          })
          expect(await failureOf(inner)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
        }
        await tx.query(set, [3, 3])
      })
      expect(await amounts()).toEqual([1, 0, 3])
    })

    it('undo a nested transaction whose failed statement was caught inside', async () => {
      await run(async (tx) => {
        const inner = tx.transaction(async (nested) => {
          await nested.query(set, [9, 1])
          await nested.query(add, [2, 9]).catch(() => undefined)
          // Whatever comes after it is told the same.
          expect(await failureOf(nested.query(set, [9, 3]))).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
        })
        expect(await failureOf(inner)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
        await tx.query(set, [4, 2])
      })
      expect(await amounts()).toEqual([0, 4, 0])
      // Outside of a nested one it still makes the whole roll back.
      const whole = run(async (tx) => {
        await tx.query(set, [5, 1])
        await tx.transaction(async (nested) => await nested.query(set, [5, 2]))
        await tx.query(add, [3, 9]).catch(() => undefined)
      })
      expect(await failureOf(whole)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
      expect(await amounts()).toEqual([0, 4, 0])
    })

    it('undo on all shards a change of several that one of them refuses', async () => {
      await run(async (tx) => {
        await tx.query(set, [7, 3])
        const rows = 'insert into account (customer_id, amount) values (1, 8), (2, 8)'
        await tx.query('delete from account where customer_id = 1')
        expect(await failureOf(tx.transaction(async (nested) => await nested.query(rows)))).toMatchObject({
          code: 'SIGNALBOX_CONSTRAINT',
          shard: 'b',
        })
        await tx.query(add, [1, 5])
      })
      expect(await amounts()).toEqual([5, 0, 7])
    })

    it('nest to any depth', async () => {
      await run(async (tx) => {
        await tx.transaction(async (one) => {
          await one.query(set, [1, 1])
          const two = one.transaction(async (nested) => {
            await nested.query(set, [2, 1])
            await nested.transaction(async (three) => {
              await three.query(set, [3, 1])
              await three.query(set, [3, 2])
            })
            throw new Error('undo')
          })
          expect(await failureOf(two)).toMatchObject({ message: 'undo' })
          await one.transaction(async (nested) => await nested.query(set, [4, 3]))
        })
      })
      expect(await amounts()).toEqual([1, 0, 4])
    })

    it('leave what random nested work has kept', async () => {
      const work = async (tx: DistributedTransaction, steps: readonly Step[]): Promise<void> => {
        for (const step of steps) {
          if (step.kind === 'write') await tx.query(set, [step.amount, step.key])
          else await tx.transaction(async (nested) => await block(nested, step)).catch(() => undefined)
        }
      }
      const block = async (tx: DistributedTransaction, { steps, ending }: Nested): Promise<void> => {
        await work(tx, steps)
        if (ending === 'throws') throw new Error('given up')
        if (ending === 'fails') await tx.query(add, [2, 0]).catch(() => undefined)
      }
      const kept = (before: readonly number[], steps: readonly Step[]): readonly number[] =>
        steps.reduce((state, step) => {
          if (step.kind === 'write') return state.with(step.key - 1, step.amount)
          return step.ending === 'ends' ? kept(state, step.steps) : state
        }, before)
      let expected: readonly number[] = [0, 0, 0]
      await fc.assert(
        fc.asyncProperty(nestedWork, async (steps) => {
          await run(async (tx) => await work(tx, steps))
          expected = kept(expected, steps)
          expect(await amounts()).toEqual(expected)
        }),
        { numRuns: 40, endOnFailure: true },
      )
    })

    it('a branch that is emptied takes no part in the end', async () => {
      await using mixed = await connect({
        databases: { default: 'sqlite::memory:', control: dsns.control },
        tables: { remark: 'control' },
      })
      await mixed.query('create table item (id integer)')
      await mixed.query('create table remark (id integer)')
      // SQLite writes alone or not at all; what was undone does not count.
      await mixed.distributedTransaction(
        async (tx) => {
          const inner = tx.transaction(async (nested) => {
            await nested.query('insert into item (id) values (1)')
            throw new Error('undo')
          })
          expect(await failureOf(inner)).toMatchObject({ message: 'undo' })
          await tx.query('insert into remark (id) values (2)')
        },
        { log },
      )
      expect((await mixed.query('select id from item')).rows).toEqual([])
      expect((await mixed.query('select id from remark')).rows).toEqual([{ id: 2 }])
      await mixed.query('drop table remark')
    })

    it('keep the outer one waiting, and end with it', async () => {
      let kept: DistributedTransaction | undefined
      await run(async (tx) => {
        await tx.transaction(async (nested) => {
          kept = nested
          const outer = {
            code: 'SIGNALBOX_TRANSACTION_CLOSED',
            message: expect.stringContaining('A nested transaction is open'),
          }
          expect(await failureOf(tx.query(set, [1, 1]))).toMatchObject(outer)
          expect(await failureOf(tx.transaction(async () => await Promise.resolve()))).toMatchObject(outer)
          expect(await failureOf(tx.stream('select amount from account').next())).toMatchObject(outer)
          await nested.query(set, [1, 2])
        })
        expect(await failureOf(kept!.query(set, [9, 2]))).toMatchObject({
          code: 'SIGNALBOX_TRANSACTION_CLOSED',
          message: expect.stringContaining('The nested transaction has ended'),
        })
      })
      expect(await amounts()).toEqual([0, 1, 0])
      const open = Promise.withResolvers<void>()
      const early = run(async (tx) => {
        await tx.query(set, [5, 1])
        void tx
          .transaction(async (nested) => await open.promise.then(async () => await nested.query(set, [5, 2])))
          .catch(() => undefined)
      })
      expect(await failureOf(early)).toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
      open.resolve()
      expect(await amounts()).toEqual([0, 1, 0])
    })

    it('do not outlive the connection of a branch', async () => {
      const work = run(async (tx) => {
        await tx.query(set, [1, 1])
        const inner = tx.transaction(async (nested) => {
          const text = engine === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id'
          const { rows } = await nested.query<{ id: number }>(text, [], { shardKey: 2 })
          await using admin = await connect(server.adminDsn() as Dsn)
          await admin.query(
            engine === 'postgres' ? `select pg_terminate_backend(${rows[0]!.id})` : `kill ${rows[0]!.id}`,
          )
          await nested.query(set, [1, 2])
        })
        expect(await failureOf(inner)).toMatchObject({ shard: 'b' })
        // What "b" had before is lost with its connection, so nothing more is taken.
        await tx.query(set, [1, 3])
      })
      expect(await failureOf(work)).toMatchObject({ shard: 'b' })
      expect(await amounts()).toEqual([0, 0, 0])
    })

    it.runIf(engine === 'mysql')('end with a deadlock, after which the server keeps nothing of a branch', async () => {
      await client.query("insert into country (code) values ('de'), ('fr'), ('no'), ('dk')")
      const [isLocked, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      // It changes more rows, so it is the other one that the server gives up.
      const other = client.transaction(async (tx) => {
        await tx.query("update country set code = concat(code, 'x')", [], { shardKey: 1 })
        isLocked.resolve()
        await mayGoOn.promise
        await tx.query(set, [100, 1])
      })
      await isLocked.promise
      const work = run(async (tx) => {
        await tx.query(set, [1, 2])
        const inner = tx.transaction(async (nested) => {
          await nested.query(set, [1, 1])
          mayGoOn.resolve()
          await nested.query('delete from country', [], { shardKey: 1 })
        })
        expect(await failureOf(inner)).toMatchObject({ shard: 'a', errorClass: 'serialization' })
        await tx.query(set, [2, 2])
      })
      expect(await failureOf(work)).toMatchObject({ shard: 'a', errorClass: 'serialization' })
      await other
      expect(await amounts()).toEqual([100, 0, 0])
    })

    it('call back after the commit of the outermost, if what asked for it was kept', async () => {
      const told: string[] = []
      await run(async (tx) => {
        tx.onCommit(() => told.push('outer'))
        await tx.transaction(async (nested) => {
          nested.onCommit(async () => told.push(`nested ${String(await amounts())}`))
          await nested.query('update account set amount = 1', [], { allShards: true })
        })
        const undone = tx.transaction(async (nested) => {
          nested.onCommit(() => told.push('undone'))
          throw new Error('undo')
        })
        expect(await failureOf(undone)).toMatchObject({ message: 'undo' })
        expect(told).toEqual([])
      })
      expect(told).toEqual(['outer', 'nested 1,1,1'])
      const callback = run(async (tx) => {
        await tx.query(set, [2, 1])
        tx.onCommit(() => {
          throw new Error('no mail')
        })
      })
      expect(await failureOf(callback)).toMatchObject({ code: 'SIGNALBOX_ON_COMMIT_FAILED' })
      expect(await amounts()).toEqual([2, 1, 1])
      const never = run(async (tx) => {
        tx.onCommit(() => told.push('never'))
        await tx.query(add, [1, 0])
      })
      expect(await failureOf(never)).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
      expect(told).not.toContain('never')
    })

    it('go on where a shard could not be reached, of which nothing had begun, and try it again', async () => {
      await using proxy = await startFaultProxy({ host: server.host, port: server.port })
      proxy.refuse()
      await using cut = await connect(accountsConfig({ ...dsns, c: proxy.through(dsns.c) as Dsn }))
      await cut.distributedTransaction(
        async (tx) => {
          await tx.query(set, [1, 1])
          const attempt = async (): Promise<void> =>
            await tx.transaction(async (nested) => {
              await nested.query(set, [3, 2])
              await nested.query(set, [3, 3])
            })
          expect(await failureOf(attempt())).toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST', shard: 'c' })
          await tx.query('update account set amount = amount + 1 where customer_id = 2')
          await proxy.accept()
          await attempt()
          await tx.query('update account set amount = amount + 1 where customer_id = 2')
        },
        { log },
      )
      expect(await amounts()).toEqual([1, 4, 3])
    })

    it('explain', async () => {
      await run(async (tx) => {
        expect(tx.explain(set, [1, 3]).shards).toEqual(['c'])
        await tx.query(set, [1, 3])
        // For what every shard can answer it stays where it is.
        expect(tx.explain('select 1 as one').shards).toEqual(['c'])
        expect(() => tx.explain('commit')).toThrow()
      })
    })
  },
)
