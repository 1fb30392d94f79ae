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

/** What surrounds a call: the session that it belongs to, and what a scope asks of the servers. */
export interface Surroundings extends ReadTerms {
  readonly memory: SessionMemory
  /** Many callers share the memory: there is no session, and the client as a whole reads what it wrote. */
  readonly shared: boolean
  readonly role: 'primary' | 'replica' | undefined
  readonly atLeast?: Floor | undefined
}
