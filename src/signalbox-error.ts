import type { ErrorCode } from './error-codes.ts'

/** Where something happened. */
export interface Where {
  readonly database?: string
  readonly shard?: string
  readonly server?: string
  readonly role?: 'primary' | 'replica'
}

const brand = Symbol.for('signalbox.error')

/** Base of all errors. `instanceof` also holds across two copies of the package. */
export class SignalboxError extends Error implements Where {
  readonly code: ErrorCode
  /** True only if repeating the call cannot make anything happen twice. */
  readonly safeToRetry: boolean
  // Declared only: a class field would exist, and be shown as undefined, where the place is not known.
  declare readonly database?: string
  declare readonly shard?: string
  declare readonly server?: string
  declare readonly role?: 'primary' | 'replica'

  constructor(code: ErrorCode, message: string, options: ErrorDetails = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.safeToRetry = options.safeToRetry ?? false
    Object.defineProperty(this, brand, { value: true })
    assignWhere(this, options)
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== SignalboxError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && brand in value
  }
}

/** What an error may carry besides its message: where it happened, its cause, and whether a repetition is safe (default false). */
export interface ErrorDetails extends Where {
  readonly cause?: unknown
  readonly safeToRetry?: boolean
}

function assignWhere(error: SignalboxError, where: Where): void {
  for (const key of ['database', 'shard', 'server', 'role'] as const) {
    if (where[key] !== undefined && error[key] === undefined)
      Object.defineProperty(error, key, { value: where[key], enumerable: true, configurable: true })
  }
}

/**
 * Notes where an error happened, unless it already says so; what it says stays. Drivers throw without knowing the
 * database's alias; execution fills it in on the way out.
 */
export function locate<E>(error: E, where: Where): E {
  if (error instanceof SignalboxError && error.database === undefined) assignWhere(error, where)
  return error
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
