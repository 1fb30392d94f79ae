import type { SessionMemory } from './session.ts'

/** What surrounds a call: the session that it belongs to, and the role that a scope asked for. */
export interface Surroundings {
  readonly memory: SessionMemory
  /** Many callers share the memory: there is no session, and the client as a whole reads what it wrote. */
  readonly shared: boolean
  readonly role: 'primary' | 'replica' | undefined
}
