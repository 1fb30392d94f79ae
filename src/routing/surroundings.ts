import { WrongShardError } from '../errors.ts'
import { show } from '../option.ts'
import type { SessionMemory } from './session.ts'

/** What is asked of the servers that answer reads. */
export interface ReadTerms {
  readonly role?: 'primary' | 'replica' | undefined
  readonly tags?: readonly string[] | undefined
  readonly maxStalenessMs?: number | undefined
}

/** What tokens stand for that a caller has named: reads must show at least that. */
export interface Floor {
  readonly memory: SessionMemory
  /** One of them could not be used. */
  readonly ignored: boolean
}

/** The shard that a scope or a call is bound to, by a key that lives there. */
export interface ShardBinding {
  readonly key: unknown
  /** The alias of the database; `undefined`: each that has a shard map. */
  readonly database?: string | undefined
  /** True: rows with any other key are refused, and no scope within may name another. */
  readonly locked: boolean
  /** Who said so, for reasons and messages: `the call`. */
  readonly by: string
  /** It is the call itself, and not a scope around it. */
  readonly byCall?: boolean
}

/** What surrounds a call: the session that it belongs to, and what a scope asks of the servers. */
export interface Surroundings extends ReadTerms {
  readonly memory: SessionMemory
  /** Many callers share the memory: there is no session, and the client as a whole reads what it wrote. */
  readonly shared: boolean
  readonly role: 'primary' | 'replica' | undefined
  readonly atLeast?: Floor | undefined
  readonly shard?: ShardBinding | undefined
}

/** The binding of a scope or call within another one. Throws `WrongShardError` if the outer one is locked, and it is another key. */
export function innerBinding(outer: ShardBinding | undefined, inner: ShardBinding): ShardBinding {
  if (outer?.locked !== true) return inner
  if (inner.key === outer.key && (inner.database ?? outer.database) === outer.database) return outer
  throw new WrongShardError(
    `${inner.by} names the key ${show(inner.key)}, within a scope that is locked to ${show(outer.key)}. Nothing was sent.`,
  )
}
