import type { CallOptions, Scope } from '../../index.ts'
import type { ServerError } from './server-words.ts'

export type Cargo = Parameters<Scope['carry']>[3]
export type UnderWay = NonNullable<ReturnType<Scope['carry']>>

/** The answer to a statement. */
export type Answer =
  /** As mysql2 gives it to a callback. */
  | { readonly kind: 'result'; readonly rows: unknown; readonly fields: unknown }
  /** Carried out here. */
  | { readonly kind: 'ok' }
  | { readonly kind: 'refused'; readonly error: ServerError }
  /** The command has taken its answer itself. */
  | { readonly kind: 'told' }

/** One statement of a session. */
export interface SessionStatement {
  /** As it is routed: with marks for values where they are known to be only that. */
  readonly sql: string
  readonly params: readonly unknown[]
  /** With its values in it, where it is not prepared. */
  readonly text: string
  /** It takes its rows one by one. */
  readonly isNative: boolean
  readonly call: CallOptions
  /** The command as it is, for another connection, on which it answers itself; it may hold several statements. */
  carried(several: boolean): object
  /** Sends and takes it in the same way, with another text. */
  sender(): NonNullable<CallOptions['sender']>
  /** Whether it has failed, once it was carried. */
  hasFailed(): boolean
}
