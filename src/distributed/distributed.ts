import { ConfigError } from '../errors.ts'
import type { Lease } from '../drivers/driver.ts'
import type { Decision } from '../execution/decision.ts'
import { withShards } from '../execution/shard-decision.ts'
import { runCallbacks } from '../execution/commit-callbacks.ts'
import type { TransactionHost } from '../execution/transaction-host.ts'
import type { Clock } from '../failover/clock.ts'
import type { Database, Topology } from '../topology/topology.ts'
import { newLogName, newTransactionId } from './branch-name.ts'
import type { Branch } from './branch.ts'
import { abandonAll, commitInTwoPhases, type PendingBranch } from './coordinator.ts'
import { DistributedTransaction, type DistributedWork } from './distributed-transaction.ts'
import { moveAll } from './moves/move-rows.ts'
import { needsLog, planMoves, type MovePlanning } from './moves/planned-move.ts'
import type { MovedRow, MoveOptions, RowMove } from './moves/row-move.ts'
import { endingOf } from './protocol.ts'
import { logTable, type LogTable } from './log-place.ts'
import { InDoubtError } from './errors.ts'
import type { DistributedOptions, LogTarget, RecoverOptions } from './options.ts'
import { recover, type RecoveryPlace, type RecoveryReport } from './recovery.ts'
import { StandingRecovery } from './standing-recovery.ts'
import { TransactionLog } from './transaction-log.ts'

/** The log that the configuration names. */
export interface DeclaredLog {
  readonly log: { readonly database: string; readonly table: string }
  /** Milliseconds between recoveries that nobody asked for; 0: none. */
  readonly recoverEveryMs: number
  /** By these: the age from which on undecided ones are rolled back. */
  readonly olderThanMs: number
}

/** What distributed transactions need of the client. */
export interface DistributedHost {
  readonly config: { readonly topology: Topology; readonly transactionLog: DeclaredLog | undefined }
  readonly databases: { readonly resolve: (alias: unknown) => Database }
}

/** Where there is no limit for statements: a server that hangs must not keep the others locked for ever. */
const defaultStepTimeoutMs = 30_000

/** What is to be ended. */
interface Ready {
  readonly writers: readonly Branch[]
  readonly readers: readonly Branch[]
  /** If several have written. */
  readonly log: TransactionLog | undefined
}

/** Runs distributed transactions, and recovers those whose coordinator died. */
export class Distributed {
  readonly #host: DistributedHost
  readonly #transactionHost: () => TransactionHost
  /** The servers that can prepare transactions, by id. */
  readonly #capable = new Set<string>()
  /** By alias and table: as many as the code of the application names. */
  readonly #logNames = new Map<string, string>()
  readonly #recovery: StandingRecovery | undefined

  /** `transactionHost`: what each of its transactions needs; throws if the client is closed. */
  constructor(host: DistributedHost, transactionHost: () => TransactionHost, clock: Clock) {
    this.#host = host
    this.#transactionHost = transactionHost
    const { topology, transactionLog } = host.config
    const { recoverEveryMs: everyMs = 0, olderThanMs = 0, log } = transactionLog ?? {}
    // A process that is to write nothing there ends nothing either.
    if (log === undefined || everyMs === 0 || topology.databases.get(log.database)?.noWrites !== undefined) return
    const byItself = async (): Promise<RecoveryReport> => await this.recover({ log, olderThanMs })
    this.#recovery = new StandingRecovery({ recover: byItself, everyMs, clock })
  }

  /** Recovers by itself from now on, if the configuration names a log. */
  start(): void {
    this.#recovery?.start()
  }

  stop(): void {
    this.#recovery?.stop()
  }

  async run<T>(fn: DistributedWork<T>, options: DistributedOptions): Promise<T> {
    return await this.#run(fn, options, true)
  }

  /** Moves rows to the shards of their new keys; without the log if all of that is on one shard. */
  async move(
    moves: readonly RowMove[],
    options: MoveOptions,
    homeOf: MovePlanning['homeOf'],
  ): Promise<readonly MovedRow[]> {
    const host = this.#transactionHost()
    const plans = await planMoves(moves, {
      homeOf,
      engineOf: (alias) => this.#host.databases.resolve(alias).engine,
      decide: async (using, sql, params) => await host.decide(sql, params, { using }, undefined),
    })
    return plans.length === 0 ? [] : await this.#run(async (tx) => await moveAll(tx, plans), options, needsLog(plans))
  }

  /** `needsLog`: false if no more than one branch will write. */
  async #run<T>(fn: DistributedWork<T>, options: MoveOptions, needsLog: boolean): Promise<T> {
    checkNumber(options.timeoutMs, 'options.timeoutMs', longestTimeoutMs)
    const host = this.#transactionHost()
    const stepTimeoutMs = options.timeoutMs || host.queryTimeoutMs || defaultStepTimeoutMs
    const openLog = async (): Promise<TransactionLog> => await this.#openLog(host, options.log, stepTimeoutMs)
    const random = (bytes: Uint8Array): Uint8Array => crypto.getRandomValues(bytes)
    const logName = needsLog ? await this.#nameOf(options.log, openLog) : newLogName(random)
    const id = newTransactionId(Date.now(), random)
    const tx = new DistributedTransaction({
      id,
      log: logName,
      host,
      isDeclared: (database) => this.#host.config.topology.databases.get(database.alias) === database,
      timeoutMs: options.timeoutMs,
      stepTimeoutMs,
    })
    let value: T
    let ready: Ready
    try {
      value = await fn(tx)
      ready = await this.#ready(await tx.close(), options.log, logName, openLog)
    } catch (error) {
      await abandonAll(await tx.branches())
      throw error
    }
    const pending = await end(id, ready, openLog).catch((error: unknown) => {
      if (error instanceof InDoubtError) this.#recovery?.soon()
      throw error
    })
    if (pending.length > 0) {
      this.#recovery?.soon()
      options.onPending?.(pending)
    }
    await runCallbacks(tx.callbacks)
    return value
  }

  /** All that can be refused is refused before anything is prepared; from then on no further connection is needed. */
  async #ready(
    branches: readonly Branch[],
    target: LogTarget | undefined,
    logName: string,
    openLog: () => Promise<TransactionLog>,
  ): Promise<Ready> {
    const writers = branches.filter(({ wrote }) => wrote)
    const readers = branches.filter(({ wrote }) => !wrote)
    if (endingOf(writers.length) !== 'two phases') return { writers, readers, log: undefined }
    await this.#assertCapable(writers)
    const log = await openLog()
    try {
      if ((await log.name()) === logName) return { writers, readers, log }
      this.#logNames.delete(keyOf(target))
      throw new ConfigError(
        'options.log',
        'The table is another one than before: it was made anew. Everything was rolled back, and can be repeated.',
        'one log for as long as there are prepared transactions',
      )
    } catch (error) {
      await log.close()
      throw error
    }
  }

  async #nameOf(target: LogTarget | undefined, openLog: () => Promise<TransactionLog>): Promise<string> {
    const key = keyOf(target)
    const known = this.#logNames.get(key)
    if (known !== undefined) return known
    const log = await openLog()
    try {
      const name = await log.name()
      this.#logNames.set(key, name)
      return name
    } finally {
      await log.close()
    }
  }

  async setUp(target: LogTarget | undefined): Promise<void> {
    const host = this.#transactionHost()
    const log = await this.#openLog(host, target, host.queryTimeoutMs || defaultStepTimeoutMs)
    try {
      await log.setUp()
    } finally {
      await log.close()
    }
  }

  async recover({ log: target, olderThanMs = 60_000, keepMs = 3_600_000 }: RecoverOptions): Promise<RecoveryReport> {
    checkNumber(olderThanMs, 'options.olderThanMs', longestTimeoutMs)
    checkNumber(keepMs, 'options.keepMs', longestKeepMs)
    const host = this.#transactionHost()
    const timeoutMs = host.queryTimeoutMs || defaultStepTimeoutMs
    const log = await this.#openLog(host, target, timeoutMs)
    try {
      return await recover({
        log,
        places: this.#places(host, timeoutMs),
        olderThanMs,
        keepMs,
        timeoutMs,
        now: Date.now,
      })
    } finally {
      await log.close()
    }
  }

  /** Two or more branches that wrote must all be able to wait for the decision. */
  async #assertCapable(writers: readonly Branch[]): Promise<void> {
    for (const branch of writers) {
      const { id } = branch.decision.server
      if (this.#capable.has(id)) continue
      await branch.assertCanPrepare()
      this.#capable.add(id)
    }
  }

  async #openLog(host: TransactionHost, target: LogTarget | undefined, timeoutMs: number): Promise<TransactionLog> {
    const place = this.#placeOf(target)
    const database = this.#host.databases.resolve(place.database)
    return new TransactionLog(await open(host, database, place.shard, timeoutMs), { ...place, timeoutMs })
  }

  #placeOf(target: LogTarget | undefined): LogTable {
    const { databases, config } = this.#host
    return logTable(target ?? config.transactionLog?.log, 'options.log', (alias) => {
      const database = databases.resolve(alias)
      return config.topology.databases.get(database.alias) === database ? database : undefined
    })
  }

  #places(host: TransactionHost, timeoutMs: number): readonly RecoveryPlace[] {
    return [...this.#host.config.topology.databases.values()].flatMap((database) => {
      const { engine, alias, shards } = database
      if (engine === 'sqlite') return []
      return shards.map(({ name }) => ({
        database: alias,
        shard: name,
        engine,
        open: async () => await open(host, database, name, timeoutMs),
      }))
    })
  }
}

/** Ends the transaction: the branches that have only read first, since nothing hangs on them. */
async function end(
  id: string,
  { writers, readers, log }: Ready,
  reopenLog: () => Promise<TransactionLog>,
): Promise<readonly PendingBranch[]> {
  await abandonAll(readers)
  if (log === undefined) {
    for (const branch of writers) await branch.commitAlone()
    return []
  }
  try {
    return await commitInTwoPhases({ id, branches: writers, log, reopenLog })
  } finally {
    await log.close()
  }
}

/** A connection to the primary of a shard. */
async function open(host: TransactionHost, { alias }: Database, shard: string, timeoutMs: number): Promise<Lease> {
  const anywhere: Decision = await host.decide('select 1', [], { using: alias, timeoutMs }, undefined)
  return await host.executor.lease(withShards(anywhere, [shard]), 'write', { timeoutMs }, host.surroundings)
}

const longestTimeoutMs = 86_400_000
const longestKeepMs = 31_536_000_000

function checkNumber(value: unknown, path: string, most: number): void {
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= most)) return
  throw new ConfigError(
    path,
    `${typeof value === 'number' ? value : typeof value} is not accepted.`,
    `milliseconds from 0 to ${most}`,
  )
}

function keyOf(target: LogTarget | undefined): string {
  return typeof target === 'string' ? target : JSON.stringify([target?.database, target?.table])
}
