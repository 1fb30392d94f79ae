import { ParameterError, type SignalboxError } from '../../errors.ts'
import type { BeginOptions, Isolation } from '../driver.ts'
import type { Connection } from './connection.ts'
import { queryError } from './errors.ts'
import type { Opening } from './opening.ts'
import type { StatementRecord } from './statement-book.ts'

/** SQL is built from these texts only, never from what a caller passes. */
const isolationLevels = {
  'read uncommitted': 'READ UNCOMMITTED',
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
} as const satisfies Record<Isolation, string>

/** The statement that begins such a transaction. Throws `ParameterError`. */
export function beginText({ isolation, readOnly }: BeginOptions): string {
  if (isolation !== undefined && !Object.hasOwn(isolationLevels, isolation))
    throw new ParameterError(`There is no isolation level "${isolation}".`)
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolationLevels[isolation]}`
  const access = readOnly === undefined ? '' : readOnly ? ' READ ONLY' : ' READ WRITE'
  return `BEGIN${level}${access}`
}

/**
 * The BEGIN of a transaction, which goes out with the first statement where that costs no promise: a text that the connection has prepared,
 * on a connection that has answered only now. All else is sent when it has been answered.
 */
export class LateBegin {
  readonly #connection: Connection
  readonly #address: string
  #pending: string | undefined
  #failure: SignalboxError | undefined

  constructor(connection: Connection, address: string) {
    this.#connection = connection
    this.#address = address
  }

  /** Keeps it for later. False: it is to be sent at once. */
  hold(sql: string): boolean {
    this.#failure = undefined
    if (!this.#connection.ready || !this.#connection.isFresh) return false
    this.#pending = sql
    return true
  }

  /** What goes out with a statement of this record, sent at once; `undefined` if nothing can. */
  along(record: StatementRecord | undefined): Opening | undefined {
    if (this.#pending === undefined || !this.#connection.canOpen(record)) return undefined
    return { sql: this.take()!, failed: (error) => this.refused(error) }
  }

  /** What is to be sent now, before anything else is. */
  take(): string | undefined {
    const sql = this.#pending
    this.#pending = undefined
    return sql
  }

  /** The server has not begun it: what comes behind must not run by itself. */
  refused(error: unknown): void {
    this.#failure = queryError(error, { access: 'read', sent: true, address: this.#address })
  }

  /** Why no statement can run in the transaction. */
  get failure(): SignalboxError | undefined {
    return this.#failure
  }

  /** The transaction ends. Whether the server has heard of it, and so has to hear of its end. */
  end(): boolean {
    const isOpen = this.#pending === undefined && this.#failure === undefined
    this.#pending = undefined
    this.#failure = undefined
    return isOpen
  }
}
