import { SignalboxError, type ErrorDetails } from '../errors.ts'
import type { Lease } from '../drivers/driver.ts'
import type { Decision } from './decision.ts'
import type { CallLimits } from './time-limit.ts'

/**
 * Proves, in the transaction that is open on a lease, that keys belong to the shard it is on, and keeps them there until the
 * transaction ends. What a directory of owners said may be old: this is what makes it right.
 */
export interface OwnerCheck {
  /**
   * Gives what is to be called once the transaction is committed. Throws `OwnerMovedError` if a key belongs to another shard; what
   * was remembered of it is forgotten then.
   */
  prove(lease: Lease, decision: Decision, keys: readonly string[], limits: CallLimits, hold: Hold): Promise<() => void>
  /**
   * Keeps every key of the decision's database where it is, for a change of all shards that names none, until what it gives is called.
   * Throws `OwnerMovedError` while a key is being moved.
   */
  keepAll(decision: Decision, limits: CallLimits): Promise<() => Promise<void>>
}

/** Whether a change meets rows by no key, though their owners stand in a directory. */
export function needsAllKept({ plan, route, shardMap }: Decision): boolean {
  if (shardMap?.directory === undefined || route.effect === 'read') return false
  return plan?.kind === 'keyed' && !plan.isPinned && route.shards.length > 1
}

/** `share`: others may prove the same keys meanwhile. `alone`: they wait, which a branch needs whose server drops shared locks when it is prepared. */
export type Hold = 'share' | 'alone'

/** Nothing of the statement was sent. `keys`: the canonical texts of the keys that belong to another shard. */
export class OwnerMovedError extends SignalboxError {
  readonly keys: readonly string[]
  constructor(message: string, keys: readonly string[], details: ErrorDetails) {
    super('SIGNALBOX_OWNER_MOVED', message, { ...details, safeToRetry: true })
    this.keys = keys
  }
}

/** The keys that a change on one shard has to prove. */
export function keysToProve({ ownedKeys, route }: Decision): readonly string[] {
  return ownedKeys?.get(route.shards[0] ?? '') ?? []
}

/** The keys that one transaction, or a savepoint in it, has proved: each once. */
export class ProvedKeys {
  readonly #check: OwnerCheck
  readonly #outer: ProvedKeys | undefined
  readonly #keys = new Set<string>()
  readonly #committed: (() => void)[] = []

  constructor(check: OwnerCheck, outer?: ProvedKeys) {
    this.#check = check
    this.#outer = outer
  }

  async prove(lease: Lease, decision: Decision, limits: CallLimits, hold: Hold = 'share'): Promise<void> {
    const keys = keysToProve(decision).filter((key) => !this.#has(key))
    if (keys.length === 0) return
    this.#committed.push(await this.#check.prove(lease, decision, keys, limits, hold))
    for (const key of keys) this.#keys.add(key)
  }

  /** What was proved in a savepoint that was released belongs to what is around it. */
  release(): void {
    if (this.#outer !== undefined) {
      for (const key of this.#keys) this.#outer.#keys.add(key)
      this.#outer.#committed.push(...this.#committed)
    }
    this.clear()
  }

  /** Locks that were taken behind a savepoint are gone when it is rolled back to. */
  clear(): void {
    this.#keys.clear()
    this.#committed.length = 0
  }

  committed(): void {
    for (const note of this.#committed) note()
  }

  #has(key: string): boolean {
    if (this.#keys.has(key)) return true
    return this.#outer === undefined ? false : this.#outer.#has(key)
  }
}
