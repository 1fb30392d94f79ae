import { rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Dsn } from '../config.ts'
import { messageOf, TestServerError } from '../errors.ts'
import { type Clock, systemClock } from '../failover/clock.ts'
import { replicaCount } from './running-cluster.ts'
import { takeOver } from './sqlite-state.ts'
import { Workplace } from './workplace.ts'

/** What {@link startSqliteCluster} takes. */
export interface SqliteClusterOptions {
  /** Default 2. */
  readonly replicas?: number
  /**
   * Where `primary.db`, `replica-1.db` and so on are. A primary that is there is kept as it is, and the replicas become
   * copies of it. Default: a temporary folder, which `stop()` removes.
   */
  readonly folder?: string
  /** What delays are measured by; default the machine's. With a `VirtualClock` nothing is copied until the test moves it. */
  readonly clock?: Clock
}

/** One file of a cluster. */
export interface SqliteFile {
  readonly path: string
  readonly dsn: Dsn
}

/** A primary file and its replicas: the replication that SQLite does not have, with a lag that is dialled by hand. */
export interface SqliteCluster extends AsyncDisposable {
  readonly engine: 'sqlite'
  readonly primary: SqliteFile
  readonly replicas: readonly SqliteFile[]
  /**
   * Resolves when every replica that is not paused shows all that the primary has now; their delays are waited for.
   *
   * @throws TestServerError if the copying has failed, saying why.
   */
  caughtUp(): Promise<void>
  /** The replica shows nothing new until resumed. */
  pauseReplay(replica: SqliteFile): void
  /** The replica shows at once what it would have shown by now. */
  resumeReplay(replica: SqliteFile): void
  /**
   * The replica shows every commit `delayMs` milliseconds after it (0 at the start), or up to 5 ms later; 2 % of the greatest
   * delay later where commits come one after the other.
   *
   * @throws TestServerError if that is negative or not finite.
   */
  delayReplay(replica: SqliteFile, delayMs: number): void
  /** Ends the copying and removes the temporary folder. May be called again. */
  stop(): Promise<void>
}

/** The primary as it was at one time, in a file of its own. */
interface State {
  readonly number: number
  readonly at: number
  readonly path: string
}

/** Between two looks whether the primary has changed. */
const intervalMs = 5
const longestTimerMs = 2 ** 31 - 1
/** With more states than this on their way, the next one is noted after a like part of the delay. */
const statesOfDelay = 50

/**
 * Starts to copy a SQLite file to its replicas, for tests that show what a lagging replica does, without any server.
 * Whoever writes to the primary, on whatever connection and in whatever process, is copied; changes of the schema, too.
 *
 * Each state is copied whole, while the event loop waits: some milliseconds for a megabyte, so this is for the small
 * databases of tests and demonstrations. Replicas have no triggers. Indexes and generated columns that call functions of
 * the application cannot be copied. Nobody is promoted: SQLite's roles are those of the configuration.
 *
 * Linux and macOS. Should the test process die without calling `stop()`, a watchdog removes the temporary folder.
 *
 * @throws TestServerError if `replicas` is no whole number from 0, a file cannot be used, or the first copy fails.
 *
 * @example
 * ```ts
 * import { connect } from 'signalbox'
 * import { startSqliteCluster } from 'signalbox/testing'
 *
 * await using cluster = await startSqliteCluster({ replicas: 1 })
 * await using client = await connect({
 *   databases: { default: { primary: cluster.primary.dsn, replicas: cluster.replicas.map(({ dsn }) => dsn) } },
 * })
 * for (const replica of cluster.replicas) cluster.delayReplay(replica, 300)
 * ```
 */
export async function startSqliteCluster(options: SqliteClusterOptions = {}): Promise<SqliteCluster> {
  const count = replicaCount(options)
  const { DatabaseSync } = await import('node:sqlite')
  const workplace = await Workplace.create('sqlite', 'SIGKILL')
  const folder = options.folder === undefined ? workplace.folder : resolve(options.folder)
  const states = join(workplace.folder, 'states')
  const open = (path: string): DatabaseSync => {
    const database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    // Readers and the one who writes must not shut each other out.
    database.exec('pragma busy_timeout = 1000; pragma journal_mode = wal; pragma synchronous = off')
    return database
  }
  try {
    for (const each of [folder, states]) await mkdir(each, { recursive: true })
    const primary = fileAt(join(folder, 'primary.db'))
    const replicas = Array.from({ length: count }, (_, index) => {
      const path = join(folder, `replica-${index + 1}.db`)
      return new Replica(path, open(path))
    })
    const parts: CopyingParts = { clock: options.clock ?? systemClock, states, workplace }
    const cluster = new CopiedFiles(primary, open(primary.path), replicas, parts)
    await cluster.caughtUp()
    return cluster
  } catch (error) {
    await workplace.remove()
    if (error instanceof TestServerError) throw error
    throw new TestServerError(`The files in "${folder}" cannot be used: ${messageOf(error)}.`, error)
  }
}

function fileAt(path: string): SqliteFile {
  return { path, dsn: `sqlite:${path.replaceAll('%', '%25').replaceAll('?', '%3F')}` }
}

class Replica implements SqliteFile {
  readonly path: string
  readonly dsn: Dsn
  readonly database: DatabaseSync
  delayMs = 0
  isPaused = false
  /** The number of the state that it shows. */
  shown = 0

  constructor(path: string, database: DatabaseSync) {
    this.path = path
    this.dsn = fileAt(path).dsn
    this.database = database
  }
}

interface CopyingParts {
  readonly clock: Clock
  /** A folder for the states that some replica has yet to show. */
  readonly states: string
  /** Removed in the end. */
  readonly workplace: Workplace
}

class CopiedFiles implements SqliteCluster {
  readonly engine = 'sqlite'
  readonly primary: SqliteFile
  readonly replicas: readonly Replica[]
  readonly #database: DatabaseSync
  readonly #parts: CopyingParts
  readonly #waiting = new Set<() => void>()
  #states: readonly State[] = []
  #taken = 0
  #seen: unknown
  #timer: unknown
  #failure: unknown
  #stopped = false

  constructor(primary: SqliteFile, database: DatabaseSync, replicas: readonly Replica[], parts: CopyingParts) {
    this.primary = primary
    this.replicas = replicas
    this.#database = database
    this.#parts = parts
    this.#tick()
  }

  async caughtUp(): Promise<void> {
    this.#look(true)
    const wanted = this.#taken
    // The clock's timers keep no process alive, and this call has to come back.
    const alive = setInterval(() => {}, longestTimerMs)
    try {
      while (this.replicas.some(({ isPaused, shown }) => !isPaused && shown < wanted)) {
        this.#check()
        await new Promise<void>((done) => this.#waiting.add(done))
      }
      this.#check()
    } finally {
      clearInterval(alive)
    }
  }

  pauseReplay(replica: SqliteFile): void {
    const own = this.#own(replica)
    // What was committed before the pause is not of it.
    this.#look(true)
    own.isPaused = true
  }

  resumeReplay(replica: SqliteFile): void {
    this.#own(replica).isPaused = false
    this.#look(true)
  }

  delayReplay(replica: SqliteFile, delayMs: number): void {
    const own = this.#own(replica)
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new TestServerError(`The delay is ${delayMs}, and has to be a number of milliseconds, 0 or more.`)
    }
    this.#look(true)
    own.delayMs = delayMs
    this.#look(true)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#parts.clock.clearTimeout(this.#timer)
    for (const done of this.#waiting) done()
    for (const { database } of this.replicas) database.close()
    this.#database.close()
    await this.#parts.workplace.remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #own(file: SqliteFile): Replica {
    this.#check()
    const own = this.replicas.find((replica) => replica === file)
    if (own === undefined) throw new TestServerError(`"${file.path}" is no replica of this cluster.`)
    return own
  }

  #check(): void {
    if (this.#stopped) throw new TestServerError('The copying was stopped.')
    if (this.#failure === undefined) return
    throw new TestServerError(`The primary could not be copied: ${messageOf(this.#failure)}`, this.#failure)
  }

  #tick(): void {
    this.#look(false)
    if (this.#failure === undefined) this.#timer = this.#parts.clock.setTimeout(() => this.#tick(), intervalMs)
  }

  /** Notes a new state of the primary, and has the replicas show what is due. What fails is told to who asks next. */
  #look(now: boolean): void {
    try {
      this.#note(now)
      for (const replica of this.replicas) this.#show(replica)
      this.#forget()
    } catch (error) {
      this.#failure = error
    }
    for (const done of this.#waiting) done()
    this.#waiting.clear()
  }

  #note(now: boolean): void {
    const at = this.#parts.clock.now()
    const greatest = Math.max(0, ...this.replicas.map(({ delayMs }) => delayMs))
    const last = this.#states.at(-1)
    const isCrowded = this.#states.length > statesOfDelay && at - last!.at < greatest / statesOfDelay
    if (!now && isCrowded) return
    // Changes with every commit of another connection.
    const version = this.#database.prepare('pragma data_version').get()?.['data_version']
    if (version === this.#seen) return
    const number = this.#taken + 1
    const path = join(this.#parts.states, `${number}.db`)
    this.#database.prepare('vacuum into ?').run(path)
    this.#seen = version
    this.#taken = number
    this.#states = [...this.#states, { number, at, path }]
  }

  #show(replica: Replica): void {
    const due = this.#due(replica)
    if (replica.isPaused || due === undefined || due.number <= replica.shown) return
    takeOver(replica.database, due.path)
    replica.shown = due.number
  }

  /** The newest state that the replica may show; the first one, which it begins with, at once. */
  #due({ delayMs }: Replica): State | undefined {
    const now = this.#parts.clock.now()
    return this.#states.findLast(({ number, at }) => number === 1 || at + delayMs <= now)
  }
  /** States that every replica shows, or will never show because a newer one is due. */
  #forget(): void {
    const oldest = Math.min(...this.replicas.map((replica) => this.#due(replica)?.number ?? 0), this.#taken)
    for (const { number, path } of this.#states) if (number < oldest) rmSync(path)
    this.#states = this.#states.filter(({ number }) => number >= oldest)
  }
}
