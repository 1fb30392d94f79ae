import type { CallOptions, Scope } from '../../index.ts'
import type { QueuedQuery } from './native-pg.ts'

export type Submission = Parameters<Scope['submit']>[0]
export type Cargo = Parameters<Scope['carry']>[3]
export type UnderWay = NonNullable<ReturnType<Scope['carry']>>

/** What the server would say of the session's transaction. */
export type Status = 'I' | 'T' | 'E'

/** The answer to a statement. */
export type Answer =
  /** The driver's own result object, or several. */
  | { readonly kind: 'result'; readonly result: unknown }
  /** Of a statement that was carried out here: the tag of a command, after a warning perhaps. */
  | { readonly kind: 'command'; readonly command: string; readonly warning?: Warning }
  /** The object has taken its answer itself. */
  | { readonly kind: 'told' }

export interface Warning {
  readonly code: string
  readonly message: string
}

/** One statement of a session. */
export interface SessionStatement {
  readonly query: QueuedQuery
  readonly sql: string
  /** `undefined` for a text that was sent alone, which may hold several statements. */
  readonly values: readonly unknown[] | undefined
  /** It takes its rows one by one, or sends what nobody else can read. */
  readonly isNative: boolean
  readonly call: CallOptions
  /** Called before another client gets the query, and answers it itself. Tells whether that was an error, once it has. */
  readonly handOver: () => () => object | undefined
  /** Its client was nobody's yet: what it sets is what all its users begin with. */
  readonly lasting: boolean
}

/** Where the events of a connection go. */
export interface SessionEvents {
  emit(event: 'notice' | 'notification' | 'parameterStatus' | 'lost', message: unknown): boolean
  /** The session is over, since the connection broke that it was kept on. */
  lost(error: unknown): void
}
