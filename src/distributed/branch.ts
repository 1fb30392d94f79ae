import { setTimeout as sleep } from 'node:timers/promises'
import type { DriverRequest, DriverResult, Lease } from '../drivers/driver.ts'
import { CommitUnknownError, QueryError, UnsupportedError, locate, messageOf } from '../errors.ts'
import { whereOf, type Decision } from '../execution/decision.ts'
import type { ProvedKeys } from '../execution/owner-check.ts'
import { waitFor } from '../execution/time-limit.ts'
import { Turns } from '../execution/turns.ts'
import {
  finishText,
  prepareTexts,
  preparedBranches,
  preparedText,
  supportText,
  wasRolledBack,
  whyNotPrepared,
  xaTexts,
  type PreparingEngine,
} from './branch-text.ts'
import { parseBranchName } from './branch-name.ts'

/** Another connection to the primary of a decision's shard. */
export type OpenLease = (decision: Decision) => Promise<Lease>

/** The pauses before a prepared branch is ended, each time on another connection, in milliseconds. */
const pausesMs = { commit: [0, 50, 200, 800], rollback: [0, 50] } as const

type State = 'working' | 'prepared' | 'uncertain' | 'over'

/** The part of a distributed transaction on one shard: a transaction on a connection of its own. */
export class Branch {
  readonly decision: Decision
  readonly name: string
  /** A statement of it was no mere read. */
  wrote = false
  /** The keys that it may change. */
  readonly proved: ProvedKeys
  readonly #lease: Lease
  readonly #open: OpenLease
  readonly #timeoutMs: number
  /** The savepoints that are set, the outermost first: what `wrote` was before each. */
  readonly #savepoints: boolean[] = []
  readonly #turns = new Turns()
  #state: State = 'working'
  #released = false

  /** The transaction has begun on the lease. */
  private constructor(
    decision: Decision,
    lease: Lease,
    name: string,
    open: OpenLease,
    timeoutMs: number,
    proved: ProvedKeys,
  ) {
    this.decision = decision
    this.proved = proved
    this.#lease = lease
    this.name = name
    this.#open = open
    this.#timeoutMs = timeoutMs
  }

  /** Begins on a connection of one's own, which it gives back. `timeoutMs`: for each statement that ends it. */
  static async begin(
    decision: Decision,
    lease: Lease,
    name: string,
    open: OpenLease,
    timeoutMs: number,
    proved: ProvedKeys,
  ): Promise<Branch> {
    const branch = new Branch(decision, lease, name, open, timeoutMs, proved)
    try {
      if (decision.database.engine === 'mysql') await branch.#send(xaTexts.start(name))
      else await lease.begin({})
      return branch
    } catch (error) {
      await branch.#release('destroy')
      throw error
    }
  }

  /** The connection, for the statements of its caller. */
  get lease(): Lease {
    return this.#lease
  }

  /** As `database/shard`. */
  get place(): string {
    return `${this.decision.route.database}/${this.decision.route.shards[0] ?? ''}`
  }

  /** Sets the savepoints of the nested transactions around a statement that are not set here yet. */
  async enter(depth: number): Promise<void> {
    await this.#turns.take(async () => {
      while (this.#savepoints.length < depth) {
        await this.#control(this.#lease.savepoint(savepointName(this.#savepoints.length + 1)))
        this.#savepoints.push(this.wrote)
      }
    })
  }

  /** Undoes what was done since the savepoint of this depth, if it is set here. */
  async rollbackTo(depth: number): Promise<void> {
    const wrote = this.#savepoints[depth - 1]
    if (wrote === undefined) return
    await this.#control(this.#lease.rollbackTo(savepointName(depth)))
    await this.#control(this.#lease.releaseSavepoint(savepointName(depth)))
    this.#savepoints.length = depth - 1
    this.wrote = wrote
  }

  /** Takes the savepoint of this depth away, if it is set here. */
  async releaseSavepoint(depth: number): Promise<void> {
    if (this.#savepoints.length < depth) return
    await this.#control(this.#lease.releaseSavepoint(savepointName(depth)))
    this.#savepoints.length = depth - 1
  }

  /** Commits what has no second phase. Throws `CommitUnknownError` where the answer was lost. */
  async commitAlone(): Promise<void> {
    this.#state = 'over'
    try {
      if (this.#engine === 'mysql') await this.#commitXaAlone()
      else await this.#lease.commit()
    } catch (error) {
      await this.#release('destroy')
      throw locate(error, whereOf(this.decision))
    }
    await this.#release('clean')
  }

  /** Throws `UnsupportedError` if the server cannot keep a prepared transaction. */
  async assertCanPrepare(): Promise<void> {
    const { server, route } = this.decision
    const engine = this.#preparing()
    const { rows } = await this.#send(supportText[engine])
    const [row] = rows as readonly { readonly answer: unknown }[]
    const why = whyNotPrepared(engine, String(row?.answer))
    if (why === undefined) return
    throw new UnsupportedError(
      `${server.address} cannot take part in a distributed transaction: ${why}. Everything was rolled back.`,
      { database: route.database, shard: route.shards[0] ?? '' },
    )
  }

  /** The first phase. After an error it is open whether the branch is prepared; `abandon` takes that into account. */
  async prepare(): Promise<void> {
    this.#state = 'uncertain'
    for (const text of prepareTexts(this.#preparing(), this.name)) {
      const answer = await this.#send(text)
      if (!wasRolledBack(answer)) continue
      this.#state = 'over'
      throw new QueryError('other', 'The branch was rolled back, because a statement in it had failed.', {
        ...whereOf(this.decision),
        engineCode: '25P02',
      })
    }
    this.#state = 'prepared'
  }

  /** The second phase. Gives why a prepared branch could not be committed now; `undefined`: it is. */
  async commitPrepared(): Promise<unknown> {
    return await this.#finish('commit')
  }

  /** Rolls back, whatever it has come to. What cannot be reached now is left to recovery. Never throws. */
  async abandon(): Promise<void> {
    if (this.#state === 'over') return await this.#release('clean')
    if (this.#state === 'prepared') return void (await this.#finish('rollback'))
    const wasUncertain = this.#state === 'uncertain'
    this.#state = 'over'
    try {
      if (this.#engine === 'mysql') {
        // Refused where XA END was answered before, or has failed; only the next one counts.
        await this.#send(xaTexts.end(this.name)).catch(() => undefined)
        await this.#send(xaTexts.rollback(this.name))
      } else {
        await this.#lease.rollback()
      }
    } catch {
      await this.#release('destroy')
      if (wasUncertain) await this.#finish('rollback')
      return
    }
    // PostgreSQL takes a ROLLBACK behind PREPARE TRANSACTION as well, and does nothing then.
    if (wasUncertain && this.#engine === 'postgres') await this.#finish('rollback')
    else await this.#release('clean')
  }

  /** Leaves a prepared branch as it is. */
  async leave(): Promise<void> {
    await this.#release('destroy')
  }

  async #finish(how: 'commit' | 'rollback'): Promise<unknown> {
    const engine = this.#preparing()
    let failure: unknown
    for (const pause of pausesMs[how]) {
      if (pause > 0) await sleep(pause)
      let lease: Lease | undefined
      try {
        lease = this.#released ? await this.#open(this.decision) : this.#lease
        await finishPrepared(lease, engine, this.name, how, this.#timeoutMs)
        await this.#giveBack(lease, 'clean')
        this.#state = 'over'
        return undefined
      } catch (error) {
        failure = locate(error, whereOf(this.decision))
        if (lease !== undefined) await this.#giveBack(lease, 'destroy')
      }
    }
    return failure
  }

  async #commitXaAlone(): Promise<void> {
    const [end = '', commit = ''] = xaTexts.commit(this.name)
    await this.#send(end)
    try {
      await this.#send(commit)
    } catch (error) {
      const isAnswered =
        error instanceof QueryError && error.errorClass !== 'connection-lost' && error.errorClass !== 'shutting-down'
      if (isAnswered) throw error
      throw new CommitUnknownError(
        `The connection was lost after COMMIT was sent (${messageOf(error)}): whether it took effect is not known.`,
        { cause: error },
      )
    }
  }

  get #engine(): Decision['database']['engine'] {
    return this.decision.database.engine
  }

  #preparing(): PreparingEngine {
    const { engine, alias } = this.decision.database
    if (engine !== 'sqlite') return engine
    throw new UnsupportedError(`"${alias}" is on SQLite, which has no prepared transactions.`, { database: alias })
  }

  async #send(sql: string): Promise<DriverResult> {
    try {
      return await this.#lease.query(own(sql, this.#timeoutMs))
    } catch (error) {
      throw locate(error, whereOf(this.decision))
    }
  }

  async #control(work: Promise<void>): Promise<void> {
    try {
      await waitFor(work, { timeoutMs: this.#timeoutMs }, 'a savepoint was set or ended')
    } catch (error) {
      throw locate(error, whereOf(this.decision))
    }
  }

  // How the connection is given back says nothing about the transaction: what was answered has taken effect.
  async #giveBack(lease: Lease, mode: 'clean' | 'destroy'): Promise<void> {
    if (lease === this.#lease) await this.#release(mode)
    else await lease.release(mode).catch(() => undefined)
  }

  async #release(mode: 'clean' | 'destroy'): Promise<void> {
    if (this.#released) return
    this.#released = true
    await this.#lease.release(mode).catch(() => undefined)
  }
}

/**
 * Ends a prepared branch. That somebody else has ended it is no error: whoever does has read the same log. The server's list says
 * whether it is so; "unknown" is also what MySQL and MariaDB answer while another connection holds it.
 */
export async function finishPrepared(
  lease: Lease,
  engine: PreparingEngine,
  name: string,
  how: 'commit' | 'rollback',
  timeoutMs: number,
): Promise<void> {
  try {
    await lease.query(own(finishText(engine, name, how), timeoutMs))
  } catch (error) {
    const log = parseBranchName(name)?.log ?? ''
    const list = preparedBranches(await lease.query(own(preparedText[engine], timeoutMs)), log)
    if (list.some((branch) => branch.name === name)) throw error
  }
}

function savepointName(depth: number): string {
  return `signalbox_${depth}`
}

/** A statement of ours. */
export function own(sql: string, timeoutMs: number): DriverRequest {
  return { sql, params: [], access: 'write', prepare: false, timeoutMs }
}
