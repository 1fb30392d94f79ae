import { SignalboxError, type ErrorDetails } from '../../errors.ts'

/** Rows cannot be copied like this. What was copied before, in batches that are committed, stays. */
export class CopyError extends SignalboxError {
  readonly table: string
  constructor(message: string, table: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_COPY', message, details)
    this.table = table
  }
}

/** A value cannot be represented in the other database as what it is. */
export class CopyValueError extends SignalboxError {
  readonly table: string
  readonly column: string
  /** The types of the column: where the value is, and where it was to go. */
  readonly types: readonly [from: string, to: string]
  constructor(
    message: string,
    place: { readonly table: string; readonly column: string; readonly types: readonly [string, string] },
    details: ErrorDetails = {},
  ) {
    super('SIGNALBOX_COPY_VALUE', message, details)
    this.table = place.table
    this.column = place.column
    this.types = place.types
  }
}

/** There is a row already with the key of one that was to be copied, or with another value that is unique. */
export class CopyConflictError extends SignalboxError {
  readonly table: string
  constructor(message: string, table: string, details: ErrorDetails) {
    super('SIGNALBOX_COPY_CONFLICT', message, details)
    this.table = table
  }
}

/** The rows that were written are not those that were read. */
export class CopyMismatchError extends SignalboxError {
  readonly table: string
  /** Numbers of rows, or of something else that the message names. */
  readonly expected: string
  readonly found: string
  constructor(
    message: string,
    numbers: { readonly table: string; readonly expected: string; readonly found: string },
    details: ErrorDetails,
  ) {
    super('SIGNALBOX_COPY_MISMATCH', message, details)
    this.table = numbers.table
    this.expected = numbers.expected
    this.found = numbers.found
  }
}

/** Rows are gone from some databases, and still there in others, or nobody knows. */
export class DeleteIncompleteError extends SignalboxError {
  readonly table: string
  /** Aliases of databases. */
  readonly deleted: readonly string[]
  readonly kept: readonly string[]
  /** The connection was lost while it committed. */
  readonly unknown: readonly string[]
  constructor(
    message: string,
    what: {
      readonly table: string
      readonly deleted: readonly string[]
      readonly kept: readonly string[]
      readonly unknown: readonly string[]
    },
    details: ErrorDetails,
  ) {
    super('SIGNALBOX_DELETE_INCOMPLETE', message, details)
    this.table = what.table
    this.deleted = what.deleted
    this.kept = what.kept
    this.unknown = what.unknown
  }
}
