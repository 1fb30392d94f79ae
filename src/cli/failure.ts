import {
  CannotScatterError,
  ConfigError,
  CrossDatabaseQueryError,
  CrossDatabaseTransactionError,
  messageOf,
  SignalboxError,
  type TableHomeReport,
} from '../index.ts'
import { UsageError, withoutPasswords } from './usage-error.ts'

/** An error in the JSON output. */
export interface FailureReport {
  /** A code of `docs/errors.md`; `USAGE` for the command line and the file; `THROWN` for what other code threw. */
  readonly code: string
  readonly message: string
  /** What of a statement cannot be put together from the answers of several shards. */
  readonly construct?: string
  /** Where in the configuration. */
  readonly path?: string
  /** The tables that could not be brought together, each with its home. */
  readonly tables?: readonly TableHomeReport[]
}

/** An error as plain data. */
export function reportFailure(error: unknown): FailureReport {
  const message = withoutPasswords(messageOf(error))
  if (error instanceof UsageError) return { code: 'USAGE', message }
  if (!(error instanceof SignalboxError)) return { code: 'THROWN', message }
  const isCrossing = error instanceof CrossDatabaseQueryError || error instanceof CrossDatabaseTransactionError
  return {
    code: error.code,
    message,
    ...(error instanceof ConfigError ? { path: error.path } : {}),
    ...(error instanceof CannotScatterError ? { construct: error.construct } : {}),
    ...(isCrossing ? { tables: error.tables } : {}),
  }
}

const usageCodes: ReadonlySet<string> = new Set([
  'SIGNALBOX_CONFIG_INVALID',
  'SIGNALBOX_ALIAS_CYCLE',
  'SIGNALBOX_UNKNOWN_DATABASE',
])

/** Whether the fault is in the command line or the configuration, not in a statement or a server. */
export function isUsageFault(error: unknown): boolean {
  return error instanceof UsageError || (error instanceof SignalboxError && usageCodes.has(error.code))
}
