import { AsyncLocalStorage } from 'node:async_hooks'
import { checkFunction } from './call-check.ts'
import { TokenKeysError } from './errors.ts'
import { decodeToken, encodeToken, type TokenEntry } from './execution/session-token.ts'
import type { TokenOptions } from './parse-replication.ts'
import { SessionMemory, type ShardMemory } from './routing/session.ts'
import type { Surroundings } from './routing/surroundings.ts'
import type { Position } from './topology/position.ts'

/** How a session begins. */
export interface SessionOptions {
  /** From another request, process or job. One that cannot be used is ignored and counted. */
  readonly token?: string | undefined
  /** Every read of the session goes to the primary. Default false. */
  readonly primary?: boolean | undefined
}

/** One request or job, as its own code sees it. */
export class Session {
  readonly #memory: SessionMemory
  readonly #write: (memory: SessionMemory) => Promise<string | undefined>

  /** Made by `client.session()`. */
  constructor(memory: SessionMemory, write: (memory: SessionMemory) => Promise<string | undefined>) {
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
   * is nothing to remember: nothing was written, or every replica shows it already. May ask the primary how far it is.
   * Throws `TokenKeysError` if the configuration has no `tokens.keys`.
   */
  async token(): Promise<string | undefined> {
    return await this.#write(this.#memory)
  }
}

/** What the sessions need to know of the databases. */
export interface SessionParts {
  readonly tokens: TokenOptions
  /** False: no database has replicas, so there is nothing to remember. */
  readonly replicated: boolean
  /** The position that a shard's memory needs, asked of the primary if need be; `undefined` if it cannot say. */
  readonly positionOf: (database: string, shard: string, memory: ShardMemory) => Promise<Position | undefined>
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
  /** Tokens that could not be used, by what was wrong with them. */
  readonly #ignored = new Map<string, number>()

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  /** What surrounds the present call. */
  current(): Surroundings {
    return this.#parts.replicated ? (this.#storage.getStore() ?? this.#outside) : this.#outside
  }

  get ignoredTokens(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#ignored)
  }

  /** Runs `fn` in a session of its own, which begins with what the one around it remembers, and gives back what it adds. */
  run<T>(fn: (session: Session) => T, options: SessionOptions): T {
    checkFunction(fn, 'fn')
    const around = this.current()
    const memory = new SessionMemory()
    if (!around.shared) {
      memory.adopt(around.memory)
      memory.follow(around.memory)
    }
    memory.wrote = false
    if (options.token !== undefined) this.#accept(options.token, memory)
    const session = new Session(memory, (of) => this.#write(of))
    const role = options.primary === true ? 'primary' : around.role
    const giveBack = (): void => {
      around.memory.adopt(memory)
      if (!around.shared) around.memory.follow(memory)
      memory.end(around.memory)
    }
    return finishing(() => this.#storage.run({ memory, shared: false, role }, () => begun(fn(session))), giveBack)
  }

  /** Runs `fn` with a wish for the role of the servers that read. */
  inRole<T>(role: 'primary' | 'replica', fn: () => T): T {
    checkFunction(fn, 'fn')
    return this.#storage.run({ ...this.current(), role }, () => begun(fn()))
  }

  #accept(token: string, memory: SessionMemory): void {
    const { tokens, wallClock, knows } = this.#parts
    const decoded = decodeToken(token, tokens.keys, wallClock(), tokens.maxAgeMs)
    if ('fault' in decoded) {
      this.#ignored.set(decoded.fault, (this.#ignored.get(decoded.fault) ?? 0) + 1)
      return
    }
    for (const { database, shard, position } of decoded.entries) {
      if (knows(database, shard)) memory.of(keyOf(database, shard)).require(position)
    }
  }

  async #write(memory: SessionMemory): Promise<string | undefined> {
    const { tokens, positionOf, isEverywhere, wallClock } = this.#parts
    if (tokens.keys.length === 0) {
      throw new TokenKeysError(
        'A session token must be signed. Set tokens.keys in the configuration, the same in every process.',
      )
    }
    const entries: TokenEntry[] = []
    for (const [key, shardMemory] of memory.needs()) {
      const slash = key.lastIndexOf('/')
      const [database, shard] = [key.slice(0, slash), key.slice(slash + 1)]
      const position = await positionOf(database, shard, shardMemory)
      if (position === undefined || !isEverywhere(database, shard, position))
        entries.push({ database, shard, position })
    }
    if (entries.length === 0) return undefined
    // Throws if they are too many: a token that left some out would let the next request read stale rows.
    return encodeToken(entries, tokens.keys, wallClock())
  }
}

function keyOf(database: string, shard: string): string {
  return `${database}/${shard}`
}

/** Does something at the end of a call that may or may not be asynchronous, however it ends. */
function finishing<T>(call: () => T, end: () => void): T {
  let result: T
  try {
    result = call()
  } catch (error) {
    end()
    throw error
  }
  if (result instanceof Promise) return result.finally(end) as T
  end()
  return result
}

/** Query builders run when they are awaited: where `fn` gives one, it is awaited here, so that it runs within `fn`'s scope. */
function begun<T>(result: T): T {
  if (result instanceof Promise || !isThenable(result)) return result
  return new Promise((resolve, reject) => {
    result.then(resolve, reject)
  }) as T
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}
