import { AsyncLocalStorage } from 'node:async_hooks'
import { checkFunction } from './call-check.ts'
import type { ReadOptions, ScopeOptions } from './config.ts'
import { TokenKeysError } from './errors.ts'
import { encodeToken, tokenLimits, type TokenEntry } from './execution/session-token.ts'
import { TokenReader } from './execution/token-reader.ts'
import type { TokenOptions } from './parse-replication.ts'
import { SessionMemory, type ShardMemory } from './routing/session.ts'
import { innerBinding, type Floor, type ShardBinding, type Surroundings } from './routing/surroundings.ts'
import { callWithin } from './scoped-call.ts'
import type { Position } from './topology/position.ts'

/** How a session begins. */
export interface SessionOptions {
  /**
   * From another request, process or job, or several such: the session begins where all of them end. One that cannot be
   * used is ignored and counted.
   */
  readonly token?: string | readonly string[] | undefined
  /** Every read of the session goes to the primary. Default false. */
  readonly primary?: boolean | undefined
}

/** What a token is to carry. */
export interface SessionTokenOptions {
  /**
   * Also what the session only read, so that whoever goes on with the token reads no older state, whatever replica it
   * reads. Asks each replica that the session reads how far it is; where that replica is gone, the primary. On engines
   * without positions whoever goes on reads the primary. Default: true for a session that wrote, else false. Nothing is
   * known of reads with `replication.stickiness: 'query'`.
   */
  readonly reads?: boolean | undefined
}

/** One request or job, as its own code sees it. */
export class Session {
  readonly #memory: SessionMemory
  readonly #write: (memory: SessionMemory, options: SessionTokenOptions) => Promise<string | undefined>

  /** @internal Made by `client.session()`. */
  constructor(
    memory: SessionMemory,
    write: (memory: SessionMemory, options: SessionTokenOptions) => Promise<string | undefined>,
  ) {
    this.#memory = memory
    this.#write = write
  }

  /**
   * Whether a statement that may write was sent in it to a database with replicas, in a nested session included that has
   * ended. Also true if the statement failed.
   */
  get wrote(): boolean {
    return this.#memory.wrote
  }

  /**
   * What to hand to the next request, process or job, so that it reads what this one wrote or saw; `undefined` if there
   * is nothing to remember: nothing was written, every replica shows it already, or no database has replicas. May ask
   * the primary how far it is. Who only read on replicas gets none, unless `reads` says so: most requests only read, and
   * would all carry a token.
   *
   * Throws `TokenKeysError` if a database has replicas and the configuration no `tokens.keys`.
   */
  async token(options: SessionTokenOptions = {}): Promise<string | undefined> {
    return await this.#write(this.#memory, options)
  }
}

/** What the sessions need to know of the databases. */
export interface SessionParts {
  readonly tokens: TokenOptions
  /** False: no database has replicas, so there is nothing to remember. */
  readonly replicated: boolean
  /** False: a call has nothing to learn from the scopes around it. */
  readonly scoped: boolean
  /** The position that a shard's memory needs, asked of the primary if need be; `undefined` if it cannot say. */
  readonly positionOf: (database: string, shard: string, memory: ShardMemory) => Promise<Position | undefined>
  /** A position that covers what was read on the replica that the reads stay on; `undefined` if nobody can say. */
  readonly seenBy: (database: string, shard: string, memory: ShardMemory) => Promise<Position | undefined>
  /** Whether every replica of the shard shows it. */
  readonly isEverywhere: (database: string, shard: string, position: Position) => boolean
  readonly knows: (database: string, shard: string) => boolean
  /** Milliseconds since the epoch: tokens travel between machines. */
  readonly wallClock: () => number
}

/** The sessions of a client, one after the other, side by side, and within each other. */
export class Sessions {
  readonly #parts: SessionParts
  readonly #storage = new AsyncLocalStorage<Surroundings>()
  /** Outside of every session the client as a whole reads what it wrote. */
  readonly #outside: Surroundings = { memory: new SessionMemory(), shared: true, role: undefined }
  readonly #tokens: TokenReader
  /** Tokens that could not be used, by what was wrong with them. */
  readonly #ignored = new Map<string, number>()

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#tokens = new TokenReader(parts.tokens.keys)
  }

  /** What surrounds the present call. */
  current(): Surroundings {
    return this.#parts.scoped ? (this.#storage.getStore() ?? this.#outside) : this.#outside
  }

  /** What surrounds each call, whichever it is: for what is kept over several of them. */
  readonly present: Surroundings = new PresentSurroundings(() => this.current())

  get ignoredTokens(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#ignored)
  }

  /** Runs `fn` in a session of its own, which begins with what the one around it remembers, and gives back what it adds. */
  run<T>(fn: (session: Session) => T, options: SessionOptions): T {
    return this.#run(fn, options.token, options.primary === true ? { role: 'primary' } : {}, 0)
  }

  /** As `run`, in a session that begins with the token of a job's payload; any value may stand there. */
  runJob<T>(fn: (session: Session) => T, token: unknown): T {
    return this.#run(fn, token, {}, tokenLimits.keptMs)
  }

  /** Runs `fn` with wishes for the servers that read. */
  inScope<T>(scope: ScopeOptions, fn: () => T): T {
    checkFunction(fn, 'fn')
    const { session, ...terms } = scope
    const surroundings = this.under(terms)
    if (session === true) return this.#storage.run(surroundings, () => this.run(fn, {}))
    return callWithin({ enter: (call) => this.#storage.run(surroundings, call), leave: nothing }, fn)
  }

  /** What surrounds the present call, and what its own options add to that. */
  under({ atLeast, ...terms }: ReadOptions): Surroundings {
    const around = this.current()
    const floor = atLeast === undefined ? around.atLeast : this.#floor(around.atLeast, atLeast)
    return {
      memory: around.memory,
      shared: around.shared,
      role: terms.role ?? around.role,
      tags: terms.tags ?? around.tags,
      maxStalenessMs: terms.maxStalenessMs ?? around.maxStalenessMs,
      atLeast: floor,
      shard: around.shard,
    }
  }

  /** Runs `fn` bound to the shard of a key. Throws `WrongShardError` within a scope that is locked to another one. */
  onShard<T>(shard: ShardBinding, fn: () => T): T {
    checkFunction(fn, 'fn')
    const surroundings = { ...this.under({}), shard: innerBinding(this.current().shard, shard) }
    return callWithin({ enter: (call) => this.#storage.run(surroundings, call), leave: nothing }, fn)
  }

  /** The token of the session around the call, or of the client as a whole. */
  async token(options: SessionTokenOptions = {}): Promise<string | undefined> {
    return await this.#write(this.current().memory, options)
  }

  #run<T>(fn: (session: Session) => T, token: unknown, terms: ReadOptions, leastAgeMs: number): T {
    checkFunction(fn, 'fn')
    const around = this.current()
    const memory = new SessionMemory()
    if (!around.shared) {
      memory.adopt(around.memory)
      memory.follow(around.memory)
    }
    memory.wrote = false
    this.#accept(token, memory, leastAgeMs)
    const session = new Session(memory, (of, options) => this.#write(of, options))
    const surroundings = { ...this.under(terms), memory, shared: false }
    const giveBack = (): void => {
      around.memory.adopt(memory)
      if (!around.shared) around.memory.follow(memory)
      memory.end(around.memory)
    }
    return callWithin({ enter: (call) => this.#storage.run(surroundings, call), leave: giveBack }, () => fn(session))
  }

  #floor(around: Floor | undefined, token: string): Floor {
    const memory = new SessionMemory()
    if (around !== undefined) memory.adopt(around.memory)
    const isGood = this.#accept(token, memory, tokenLimits.keptMs)
    return { memory, ignored: !isGood || around?.ignored === true }
  }

  /** False if one of the tokens cannot be used. */
  #accept(given: unknown, memory: SessionMemory, leastAgeMs: number): boolean {
    const { tokens, replicated, wallClock, knows } = this.#parts
    if (given === undefined || !replicated) return true
    let isGood = true
    for (const token of Array.isArray(given) ? (given as unknown[]) : [given]) {
      const decoded = this.#tokens.read(token, wallClock(), Math.max(tokens.maxAgeMs, leastAgeMs))
      if ('fault' in decoded) {
        isGood = false
        this.#ignored.set(decoded.fault, (this.#ignored.get(decoded.fault) ?? 0) + 1)
        continue
      }
      for (const { database, shard, position } of decoded.entries) {
        if (knows(database, shard)) memory.of(keyOf(database, shard)).require(position)
      }
    }
    return isGood
  }

  async #write(memory: SessionMemory, { reads = memory.wrote }: SessionTokenOptions): Promise<string | undefined> {
    const { tokens, replicated, positionOf, seenBy, isEverywhere, wallClock } = this.#parts
    // Nothing has replicas: nothing is remembered, and nobody needs keys.
    if (!replicated) return undefined
    if (tokens.keys.length === 0) {
      throw new TokenKeysError(
        'A session token must be signed. Set tokens.keys in the configuration, the same in every process.',
      )
    }
    const entries: TokenEntry[] = []
    for (const [key, shardMemory] of memory.shards()) {
      const slash = key.lastIndexOf('/')
      const [database, shard] = [key.slice(0, slash), key.slice(slash + 1)]
      const { need, stay } = shardMemory
      const add = (position: Position | undefined): void => {
        if (position === undefined || !isEverywhere(database, shard, position))
          entries.push({ database, shard, position })
      }
      if (need !== 'nothing') add(await positionOf(database, shard, shardMemory))
      // What the primary names covers all that was read before. Otherwise there are two entries, which become one.
      if (reads && need !== 'unknown' && stay !== undefined) add(await seenBy(database, shard, shardMemory))
    }
    if (entries.length === 0) return undefined
    // Throws if they are too many: a token that left some out would let the next request read stale rows.
    return encodeToken(entries, tokens.keys, wallClock())
  }
}

function nothing(): void {}

function keyOf(database: string, shard: string): string {
  return `${database}/${shard}`
}

/** The surroundings of the call that looks. */
class PresentSurroundings implements Surroundings {
  readonly #current: () => Surroundings

  constructor(current: () => Surroundings) {
    this.#current = current
  }

  get memory(): SessionMemory {
    return this.#current().memory
  }

  get shared(): boolean {
    return this.#current().shared
  }

  get role(): Surroundings['role'] {
    return this.#current().role
  }

  get tags(): Surroundings['tags'] {
    return this.#current().tags
  }

  get maxStalenessMs(): Surroundings['maxStalenessMs'] {
    return this.#current().maxStalenessMs
  }

  get atLeast(): Surroundings['atLeast'] {
    return this.#current().atLeast
  }

  get shard(): Surroundings['shard'] {
    return this.#current().shard
  }
}
