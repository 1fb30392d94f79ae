import { fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  connect,
  SignalboxError,
  type Client,
  type DistributedTransaction,
  type DistributedEvent,
  type DistributedStep,
  type Dsn,
  type RecoveryReport,
} from '../../src/index.ts'
import { startFaultProxy, type CutMoment, type TestServer } from '../../src/testing/index.ts'
import { accountsConfig, type AccountDsns } from '../support/distributed-accounts.ts'
import { sqlFor } from '../support/dialect.ts'
import { preparedNames as namesOfPrepared } from '../support/prepared-names.ts'
import { runProgram } from '../support/program.ts'
import { privateServer, testedEngines } from '../support/servers.ts'
import type { TransferOrder } from '../support/transfer-process.ts'

const keys = [1, 2, 3]
const engines = testedEngines.filter((engine) => engine !== 'sqlite')
const log = 'control'

/** What a subscriber of the steps does; ends with the block. */
function onStep(listener: (event: DistributedEvent) => void): Disposable {
  const receive = (message: unknown): void => listener(message as DistributedEvent)
  subscribe('signalbox:distributed-transaction', receive)
  return { [Symbol.dispose]: () => void unsubscribe('signalbox:distributed-transaction', receive) }
}

describe.each(engines)('distributed transactions on %s', (engine) => {
  let server: TestServer
  let other: TestServer
  let dsns: Record<keyof AccountDsns, Dsn>
  let client: Client<'default' | 'control'>
  const sql = (text: string): string => sqlFor(engine, text)
  const settings = engine === 'postgres' ? { max_prepared_transactions: '20' } : {}

  beforeAll(async () => {
    ;[server, other] = [await privateServer(engine, settings), await privateServer(engine, settings)]
  })
  afterAll(async () => {
    await server.stop()
    await other.stop()
  })

  beforeEach(async () => {
    const made = async (on: TestServer): Promise<Dsn> => (await on.createDatabase()).dsn
    // The shards "a" and "b" are on one server with the log, "c" has one of its own.
    dsns = { a: await made(server), b: await made(server), c: await made(other), control: await made(server) }
    client = await connect(accountsConfig(dsns))
    const deferred = engine === 'postgres' ? ', unique (note) deferrable initially deferred' : ', unique (note)'
    await client.query(
      `create table account (customer_id integer primary key, amount integer not null, note varchar(20)${deferred})`,
    )
    await client.query('create table country (code varchar(2) primary key)')
    for (const key of keys) await client.query(`insert into account (customer_id, amount) values (${key}, 0)`)
    await client.setUpTransactionLog({ log })
  })

  afterEach(async () => {
    await client.close()
    await expect.poll(async () => await preparedNames()).toEqual([])
  })

  async function amounts(): Promise<number[]> {
    const { rows } = await client.query<{ amount: number }>(
      'select amount, customer_id from account order by customer_id',
    )
    return rows.map(({ amount }) => amount)
  }

  const preparedNames = async (): Promise<string[]> => await namesOfPrepared(engine, [server, other])

  async function logged(): Promise<string[]> {
    const { rows } = await client
      .using(log)
      .query<{ decision: string }>("select decision from signalbox_transaction where id <> 'log'")
    return rows.map(({ decision }) => decision)
  }

  /** Recovers until nothing is prepared: what a dead process has left is held for a moment. */
  async function recovered(): Promise<RecoveryReport> {
    const reports: RecoveryReport[] = []
    await expect
      .poll(async () => {
        reports.push(await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 }))
        return await preparedNames()
      })
      .toEqual([])
    return {
      branches: reports.flatMap(({ branches }) => branches),
      unreachable: reports.flatMap(({ unreachable }) => unreachable),
      forgotten: reports.reduce((sum, { forgotten }) => sum + forgotten, 0),
    }
  }

  const transfer = async (amount: number, on: readonly number[] = keys, by = client): Promise<void> => {
    await by.distributedTransaction(
      async (tx) => {
        for (const key of on) await tx.query(sql('update account set amount = ? where customer_id = ?'), [amount, key])
      },
      { log },
    )
  }

  it('take effect on all shards, and leave nothing behind', async () => {
    const steps: string[] = []
    using _ = onStep(({ step }) => steps.push(step))
    const seen = await client
      .distributedTransaction(
        async (tx) => {
          await tx.query(sql('update account set amount = ? where customer_id = ?'), [5, 1])
          await tx.query('update account set amount = 6 where customer_id in (2, 3)', [], { allShards: true })
          await tx.query('insert into account (customer_id, amount) values (1, 7)').catch(() => undefined)
          return 0
        },
        { log },
      )
      .catch((error: unknown) => error)
    // A statement that failed makes the whole roll back, whoever caught its error.
    expect(seen).toMatchObject({ code: 'SIGNALBOX_CONSTRAINT' })
    expect(await amounts()).toEqual([0, 0, 0])
    expect(steps).toEqual([])
    const inside = await client.distributedTransaction(
      async (tx) => {
        await tx.query(sql('update account set amount = ? where customer_id = ?'), [5, 1])
        await tx.query('update account set amount = 6 where customer_id in (2, 3)', [], { allShards: true })
        const { rows } = await tx.query<{ amount: number }>(
          'select amount, customer_id from account order by customer_id',
        )
        expect(await amounts()).toEqual([0, 0, 0])
        await tx.query("insert into country (code) values ('de')")
        return rows.map(({ amount }) => amount)
      },
      { log },
    )
    expect(inside).toEqual([5, 6, 6])
    expect(await amounts()).toEqual([5, 6, 6])
    expect(steps.filter((step) => step === 'committed')).toHaveLength(3)
    expect(steps.at(-1)).toBe('forgotten')
    expect(await logged()).toEqual([])
    expect(await preparedNames()).toEqual([])
    for (const shardKey of keys)
      expect((await client.query('select code from country', [], { shardKey })).rows).toHaveLength(1)
  })

  it('of one shard that writes are a plain commit, whatever is read elsewhere', async () => {
    const steps: string[] = []
    using _ = onStep(({ step }) => steps.push(step))
    await client.distributedTransaction(
      async (tx) => {
        await tx.query('select amount from account where customer_id in (1, 2, 3)')
        await tx.query('update account set amount = 9 where customer_id = 2')
      },
      { log },
    )
    expect(await amounts()).toEqual([0, 9, 0])
    await client.distributedTransaction(async (tx) => await tx.query('select 1 as one'), { log })
    await client.distributedTransaction(async () => await Promise.resolve(), { log })
    expect(steps).toEqual([])
  })

  it('are rolled back if the callback throws, also where its statements are not awaited', async () => {
    const failure = new Error('changed my mind')
    const work = client.distributedTransaction(
      async (tx) => {
        await tx.query('update account set amount = 1 where customer_id = 1')
        tx.query('update account set amount = 1 where customer_id = 2').catch(() => undefined)
        throw failure
      },
      { log },
    )
    await expect(work).rejects.toBe(failure)
    expect(await amounts()).toEqual([0, 0, 0])
    await transfer(4)
    expect(await amounts()).toEqual([4, 4, 4])
  })

  it('are rolled back everywhere if one shard cannot prepare', async () => {
    // The servers have been asked by then whether they can.
    await transfer(0)
    const work = client.distributedTransaction(
      async (tx) => {
        await tx.query('update account set amount = 1 where customer_id in (1, 2, 3)', [], { allShards: true })
        const text = engine === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id'
        const { rows } = await tx.query<{ id: number }>(text, [], { shardKey: 2 })
        await using admin = await connect(server.adminDsn() as Dsn)
        await admin.query(engine === 'postgres' ? `select pg_terminate_backend(${rows[0]!.id})` : `kill ${rows[0]!.id}`)
      },
      { log },
    )
    await expect(work).rejects.toMatchObject({ shard: 'b' })
    expect(await amounts()).toEqual([0, 0, 0])
    expect(await logged()).toEqual([])
  })

  it.runIf(engine === 'postgres')('are rolled back everywhere if a deferred constraint fails', async () => {
    const steps: string[] = []
    using _ = onStep(({ step }) => steps.push(step))
    const work = client.distributedTransaction(
      async (tx) => {
        await tx.query("update account set amount = 1, note = 'x' where customer_id in (1, 2)", [], { allShards: true })
        await tx.query("update account set note = 'y' where customer_id = 3")
        await tx.query('alter table account drop constraint account_pkey', [], { shardKey: 3 })
        await tx.query("insert into account (customer_id, amount, note) values (3, 1, 'y')")
      },
      { log },
    )
    await expect(work).rejects.toMatchObject({ code: 'SIGNALBOX_CONSTRAINT', shard: 'c' })
    expect(steps).not.toContain('all-prepared')
    expect(steps).toContain('prepared')
    expect(await amounts()).toEqual([0, 0, 0])
  })

  async function dieAt(step: DistributedStep, amount: number): Promise<void> {
    const child = fork(join(import.meta.dirname, '../support/transfer-process.ts'), {
      execPath: process.execPath,
      stdio: 'inherit',
    })
    const exited = once(child, 'exit')
    const told: unknown[] = []
    child.on('message', (message) => told.push(message))
    child.send({ dsns, keys, amount, dieAt: step } satisfies TransferOrder)
    expect(await exited).toEqual([null, 'SIGKILL'])
    expect(told).toEqual([])
  }

  it.each([
    ['prepared', 0],
    ['all-prepared', 0],
    ['decided', 7],
    ['committed', 7],
    ['all-committed', 7],
  ] as const)('whose process is killed at the step %s are recovered', async (step, expected) => {
    await dieAt(step, 7)
    const report = await recovered()
    expect(report.unreachable).toEqual([])
    expect(await amounts()).toEqual([expected, expected, expected])
    const outcomes = new Set(report.branches.filter(({ outcome }) => outcome !== 'left').map(({ outcome }) => outcome))
    if (step === 'prepared' || step === 'all-prepared') expect([...outcomes]).toEqual(['rolled back'])
    if (step === 'decided') expect([...outcomes]).toEqual(['committed'])
    await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 })
    // A decision to commit goes when all is done; one to roll back stays, in case the coordinator should be merely slow.
    expect(await logged()).toEqual(expected === 0 ? ['abort'] : [])
  })

  it('that are young are left alone', async () => {
    await dieAt('all-prepared', 7)
    const { branches } = await client.recoverTransactions({ log })
    expect(branches.map(({ outcome }) => outcome)).toEqual(['young', 'young', 'young'])
    expect(await logged()).toEqual([])
    await recovered()
  })

  it('of another log are left alone', async () => {
    await dieAt('decided', 7)
    const elsewhere = { database: 'control', table: 'other_log' } as const
    await client.setUpTransactionLog({ log: elsewhere })
    const { branches } = await client.recoverTransactions({ log: elsewhere, olderThanMs: 0 })
    expect(branches).toEqual([])
    expect(await preparedNames()).toHaveLength(3)
    await recovered()
    expect(await amounts()).toEqual([7, 7, 7])
  })

  it('survive that a server is killed between prepare and commit', async () => {
    const pending: unknown[] = []
    {
      using _ = onStep(({ step }) => {
        if (step === 'decided') other.kill('SIGKILL')
      })
      await client.distributedTransaction(
        async (tx) => {
          for (const key of keys) await tx.query(sql('update account set amount = 8 where customer_id = ?'), [key])
        },
        { log, onPending: (branches) => pending.push(...branches) },
      )
    }
    expect(pending).toMatchObject([{ database: 'default', shard: 'c', error: expect.any(SignalboxError) }])
    expect(await logged()).toEqual(['commit'])
    const away = await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 })
    expect(away.unreachable).toMatchObject([{ database: 'default', shard: 'c' }])
    expect([away.forgotten, await logged()]).toEqual([0, ['commit']])
    await other.restart()
    expect(await recovered()).toMatchObject({ branches: [{ outcome: 'committed', shard: 'c' }] })
    expect(await amounts()).toEqual([8, 8, 8])
    await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 })
    expect(await logged()).toEqual([])
  })

  it('are recovered once by two recoveries at once', async () => {
    for (const step of ['all-prepared', 'decided'] as const) {
      await dieAt(step, 3)
      await using second = await connect(accountsConfig(dsns))
      await Promise.all([client, second].map(async (by) => await by.recoverTransactions({ log, olderThanMs: 0 })))
      await recovered()
      expect(await amounts()).toEqual(step === 'decided' ? [3, 3, 3] : [0, 0, 0])
    }
  })

  it.runIf(engine === 'mysql')('are left to who holds them', async () => {
    const id = '019aa6d2-5a31-7c0e-9f3b-3a5f5f4f9c11'
    const [{ decision }] = (
      await client.using(log).query<{ decision: string }>('select decision from signalbox_transaction')
    ).rows as [{ decision: string }]
    await client
      .using(log)
      .query(sql("insert into signalbox_transaction (id, decision, branches) values (?, 'commit', '[]')"), [id])
    const held = await createConnection(dsns.c as string)
    const xid = `'signalbox_${decision}_${id}','_0'`
    for (const text of [`xa start ${xid}`, 'update account set amount = 1', `xa end ${xid}`, `xa prepare ${xid}`])
      await held.query(text)
    // The server says of it that it knows no such transaction.
    const report = await client.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 })
    expect(report).toMatchObject({ branches: [{ transaction: id, outcome: 'left' }], forgotten: 0 })
    await held.end()
    await recovered()
    expect(await amounts()).toEqual([0, 0, 1])
    expect(await logged()).toEqual([])
  })

  it('and recoveries that are in a hurry agree', async () => {
    await using second = await connect(accountsConfig(dsns))
    const over = new AbortController()
    const outcomes: string[] = []
    const reports: RecoveryReport[] = []
    const recovering = (async () => {
      while (!over.signal.aborted) reports.push(await second.recoverTransactions({ log, olderThanMs: 0, keepMs: 0 }))
    })()
    let last = 0
    for (let amount = 1; amount <= 60; amount++) {
      try {
        await transfer(amount)
        last = amount
        outcomes.push('committed')
      } catch (error) {
        expect(error).toMatchObject({ code: 'SIGNALBOX_TRANSACTION_GIVEN_UP' })
        outcomes.push('given up')
      }
      await expect.poll(amounts).toEqual([last, last, last])
    }
    over.abort()
    await recovering
    expect(new Set(outcomes)).toContain('committed')
  })

  it('are given up by whoever writes so into the log first', async () => {
    const work = client.distributedTransaction(
      async (tx) => {
        await tx.query('update account set amount = 1 where customer_id in (1, 2)', [], { allShards: true })
        const insert = sql("insert into signalbox_transaction (id, decision, branches) values (?, 'abort', '[]')")
        await client.using(log).query(insert, [tx.id])
      },
      { log },
    )
    await expect(work).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_GIVEN_UP', safeToRetry: true })
    expect(await amounts()).toEqual([0, 0, 0])
    expect(await preparedNames()).toEqual([])
  })

  it('are recovered by the program', async () => {
    await dieAt('decided', 4)
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-recover-'))
    const support = pathToFileURL(join(import.meta.dirname, '../support/distributed-accounts.ts')).href
    const head = `import { accountsConfig } from '${support}'\nexport default `
    const config = `accountsConfig(${JSON.stringify(dsns)})`
    const [path, named] = [join(folder, 'signalbox.config.ts'), join(folder, 'named.config.ts')]
    await writeFile(path, `${head}${config}\n`)
    await writeFile(named, `${head}{ ...${config}, transactionLog: 'control' }\n`)
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    const recoverBy = async (file: string, ...args: readonly string[]) =>
      await runProgram([main, 'recover', '--config', file, ...args], { temporary: folder })
    const recover = async (...args: readonly string[]) => await recoverBy(path, ...args)
    try {
      const outcomes: string[] = []
      const untilEnded = async (): Promise<unknown[]> => {
        const { output } = await recover('--log', log, '--json')
        const { branches } = JSON.parse(output) as RecoveryReport
        outcomes.push(...branches.map(({ outcome }) => outcome))
        return await preparedNames()
      }
      await expect.poll(untilEnded, { timeout: 20_000 }).toEqual([])
      expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(3)
      expect(await amounts()).toEqual([4, 4, 4])
      expect(await recover('--log', log)).toMatchObject({
        code: 0,
        output: expect.stringContaining('Of 0 prepared parts'),
      })
      expect(await recover()).toMatchObject({ code: 2 })
      expect(await recoverBy(named)).toMatchObject({ code: 0, output: expect.stringContaining('Of 0 prepared parts') })
      expect(await recoverBy(named, '--table', 'other')).toMatchObject({ code: 2 })
      expect(await recover('--log', 'contro')).toMatchObject({ code: 2 })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('write on SQLite alone, or not at all', async () => {
    await using mixed = await connect({
      databases: { default: 'sqlite::memory:', control: dsns.control },
      tables: { remark: 'control' },
    })
    await mixed.query('create table item (id integer)')
    await mixed.query('create table remark (id integer)')
    const both = mixed.distributedTransaction(
      async (tx) => {
        await tx.query('insert into remark (id) values (1)')
        await tx.query('insert into item (id) values (1)')
      },
      { log },
    )
    await expect(both).rejects.toMatchObject({ message: expect.stringContaining('was not sent'), database: 'default' })
    await mixed.distributedTransaction(
      async (tx) => {
        await tx.query('select id from remark')
        await tx.query('insert into item (id) values (2)')
      },
      { log },
    )
    expect((await mixed.query('select id from item')).rows).toEqual([{ id: 2 }])
    expect((await mixed.query('select id from remark')).rows).toEqual([])
    await expect(mixed.setUpTransactionLog({ log: 'default' })).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
  })

  it('refuse what cannot be: no log, a sharded one, a statement too late, BEGIN as text, another database', async () => {
    const missing = { database: 'control', table: 'no_such_table' } as const
    await expect(client.distributedTransaction(nothing, { log: missing })).rejects.toMatchObject({
      path: 'options.log',
    })
    for (const options of [
      { log: 'default' },
      {},
      { log: { database: 'control', table: 'x; drop' } },
      { log, timeoutMs: -1 },
    ])
      await expect(client.distributedTransaction(nothing, options as never)).rejects.toMatchObject({
        code: 'SIGNALBOX_CONFIG_INVALID',
      })
    let kept: DistributedTransaction | undefined
    await client.distributedTransaction(async (tx) => await Promise.resolve(void (kept = tx)), { log })
    await expect(kept!.query('select 1')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CLOSED' })
    const refused = (text: string, options?: object) =>
      client.distributedTransaction(async (tx) => await tx.query(text, [], options), { log })
    await expect(refused('begin')).rejects.toMatchObject({ code: 'SIGNALBOX_TRANSACTION_CONTROL' })
    await expect(refused('select 1', { using: dsns.a })).rejects.toMatchObject({ code: 'SIGNALBOX_UNSUPPORTED' })
  })

  /** Writes 2 on all shards; at the decision the connection to the log is cut, and perhaps nobody can open another. */
  async function losingTheLog(
    moment: CutMoment,
    isAway: boolean,
    then: () => Promise<unknown> = nothing,
  ): Promise<unknown> {
    await using proxy = await startFaultProxy({ host: server.host, port: server.port })
    await using cut = await connect(accountsConfig({ ...dsns, control: proxy.through(dsns.control) as Dsn }))
    using _ = onStep(({ step }) => {
      if (step !== 'all-prepared') return
      proxy.apply({ kind: 'cut-on', pattern: 'commit', moment })
      if (isAway) proxy.refuse()
      else void proxy.nextConnection().then(() => proxy.apply({ kind: 'pass' }))
    })
    const outcome = await transfer(2, keys, cut).catch((error: unknown) => error)
    await then()
    return outcome
  }

  it('find out what was decided when the answer of the log is lost', async () => {
    expect(await losingTheLog('answered', false)).toBeUndefined()
    expect(await amounts()).toEqual([2, 2, 2])
    // Over the lost connection the entry could not be taken out; a recovery does it.
    expect(await logged()).toEqual(['commit'])
    expect(await client.recoverTransactions({ log })).toMatchObject({ branches: [], forgotten: 0 })
    expect(await client.recoverTransactions({ log, keepMs: 0 })).toMatchObject({ branches: [], forgotten: 1 })
    expect(await logged()).toEqual([])
  })

  it('are rolled back when the decision has not reached the log', async () => {
    expect(await losingTheLog('before', false)).toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
    expect(await amounts()).toEqual([0, 0, 0])
    expect(await preparedNames()).toEqual([])
    expect(await logged()).toEqual(['abort'])
  })

  it.each([
    ['answered', [2, 2, 2]],
    ['before', [0, 0, 0]],
  ] as const)('are in doubt when the log is gone (%s), until a recovery has read it', async (moment, expected) => {
    const outcome = await losingTheLog(moment, true, async () => {
      expect(await preparedNames()).toHaveLength(3)
      expect(await amounts()).toEqual([0, 0, 0])
    })
    expect(outcome).toMatchObject({ code: 'SIGNALBOX_IN_DOUBT', branches: ['default/a', 'default/b', 'default/c'] })
    await recovered()
    expect(await amounts()).toEqual(expected)
  })
})

async function nothing(): Promise<void> {
  await Promise.resolve()
}
