import { fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  type DistributedEvent,
  type DistributedStep,
  type Dsn,
  type RecoveryEvent,
  type TransactionLogInput,
} from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import { accountsConfig, type AccountDsns } from '../support/distributed-accounts.ts'
import { preparedNames } from '../support/prepared-names.ts'
import { privateServer, testedEngines } from '../support/servers.ts'
import type { TransferOrder } from '../support/transfer-process.ts'

const keys = [1, 2, 3]
const often = { database: 'control', recoverEveryMs: 1_000, olderThanMs: 500 } as const

describe.each(testedEngines.filter((engine) => engine !== 'sqlite'))('a client that names its log, on %s', (engine) => {
  let server: TestServer
  let dsns: Record<keyof AccountDsns, Dsn>

  beforeAll(async () => {
    server = await privateServer(engine, engine === 'postgres' ? { max_prepared_transactions: '20' } : {})
  })
  afterAll(async () => await server.stop())

  beforeEach(async () => {
    const made = async (): Promise<Dsn> => (await server.createDatabase()).dsn
    dsns = { a: await made(), b: await made(), c: await made(), control: await made() }
    await using client = await connect(accountsConfig(dsns))
    await client.query('create table account (customer_id integer primary key, amount integer not null)')
    for (const key of keys) await client.query(`insert into account (customer_id, amount) values (${key}, 0)`)
    await client.setUpTransactionLog({ log: 'control' })
  })

  const started = async (transactionLog: 'control' | TransactionLogInput<'control'>) =>
    await connect({ ...accountsConfig(dsns), transactionLog })

  /** A process that kills itself at a step of its transaction. */
  async function dieAt(step: DistributedStep): Promise<void> {
    const child = fork(join(import.meta.dirname, '../support/transfer-process.ts'), { execPath: process.execPath })
    const exited = once(child, 'exit')
    child.send({ dsns, keys, amount: 7, dieAt: step } satisfies TransferOrder)
    expect(await exited).toEqual([null, 'SIGKILL'])
  }

  /** Read without a lock, over a client that recovers nothing: what is prepared is not shown. */
  async function amounts(): Promise<number[]> {
    await using client = await connect(accountsConfig(dsns))
    const { rows } = await client.query<{ amount: number }>('select amount from account order by customer_id')
    return rows.map(({ amount }) => amount)
  }

  const preparedCount = async (): Promise<number> => (await preparedNames(engine, [server])).length

  it.each<[DistributedStep, number]>([
    ['prepared', 0],
    ['all-prepared', 0],
    ['decided', 7],
    ['committed', 7],
    ['all-committed', 7],
  ])('ends what a process left that was killed at the step %s, and nobody asks it to', async (step, expected) => {
    await dieAt(step)
    await using _ = await started(often)
    await expect.poll(preparedCount, { timeout: 20_000, interval: 100 }).toBe(0)
    expect(await amounts()).toEqual([expected, expected, expected])
  })

  it('leaves to others what is young, or of another log, and everything if it is told to', async () => {
    await dieAt('all-prepared')
    const other = { database: 'control', table: 'other_log' } as const
    const events: RecoveryEvent[] = []
    const receive = (event: unknown): void => void events.push(event as RecoveryEvent)
    subscribe('signalbox:transaction-recovery', receive)
    onTestFinished(() => void unsubscribe('signalbox:transaction-recovery', receive))
    {
      await using told = await started({ database: 'control', recoverEveryMs: 0, olderThanMs: 0 })
      await told.setUpTransactionLog({ log: other })
      await using guarded = await connect({
        ...accountsConfig(dsns),
        transactionLog: { ...often, olderThanMs: 0 },
        noWritesTo: ['*'],
      })
      await guarded.query('select 1', [], { using: 'control' })
      await using patient = await started('control')
      await expect.poll(() => events.length).toBe(1)
      expect(events[0]?.report?.branches.map(({ outcome }) => outcome)).toEqual(['young', 'young', 'young'])
      await patient.close()
      await using elsewhere = await started({ ...often, ...other, olderThanMs: 0 })
      await expect.poll(() => events.length).toBe(2)
      expect(events[1]).toMatchObject({ report: { branches: [], unreachable: [] } })
      await elsewhere.close()
    }
    expect(await preparedCount()).toBe(3)
    await using _ = await started(often)
    await expect.poll(preparedCount, { timeout: 20_000, interval: 100 }).toBe(0)
  })

  it('writes decisions there, where a call names no log', async () => {
    await using client = await started({ database: 'control', recoverEveryMs: 0 })
    const steps: string[] = []
    const receive = (event: unknown): void => void steps.push((event as DistributedEvent).step)
    subscribe('signalbox:distributed-transaction', receive)
    onTestFinished(() => void unsubscribe('signalbox:distributed-transaction', receive))
    await client.distributedTransaction(async (tx) => {
      for (const key of keys) await tx.query(`update account set amount = 3 where customer_id = ${key}`)
    })
    expect(steps).toContain('decided')
    expect(await amounts()).toEqual([3, 3, 3])
    expect(await client.recoverTransactions()).toMatchObject({ branches: [], unreachable: [] })
    await client.setUpTransactionLog()
  })

  it('comes back for what its own transaction left, as soon as the server does', async () => {
    const apart = await privateServer(engine, engine === 'postgres' ? { max_prepared_transactions: '20' } : {})
    onTestFinished(async () => await apart.stop())
    const c = (await apart.createDatabase()).dsn
    await using far = await connect({ ...accountsConfig({ ...dsns, c }), transactionLog: often })
    await far.query('create table account (customer_id integer primary key, amount integer not null)', [], {
      shardKey: 3,
    })
    await far.query('insert into account (customer_id, amount) values (3, 0)')
    const pending: unknown[] = []
    const kill = (event: unknown): void => {
      if ((event as DistributedEvent).step === 'decided') apart.kill('SIGKILL')
    }
    subscribe('signalbox:distributed-transaction', kill)
    await far.distributedTransaction(
      async (tx) => {
        for (const key of keys) await tx.query(`update account set amount = 5 where customer_id = ${key}`)
      },
      { onPending: (branches) => pending.push(...branches) },
    )
    unsubscribe('signalbox:distributed-transaction', kill)
    expect(pending).toMatchObject([{ shard: 'c' }])
    await apart.restart()
    const shown = async (): Promise<unknown> =>
      (await far.query('select amount from account where customer_id = 3').catch(() => undefined))?.rows
    await expect.poll(shown, { timeout: 30_000 }).toEqual([{ amount: 5 }])
    expect((await far.recoverTransactions({ keepMs: 0 })).unreachable).toEqual([])
  })
})
