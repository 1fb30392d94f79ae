import { QueryError, SignalboxError, messageOf, type ErrorDetails } from '../errors.ts'

/** Who owns a key is not known, because the table of owners does not answer, or says what cannot be. Nothing of the statement was sent. */
export class DirectoryError extends SignalboxError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('SIGNALBOX_DIRECTORY', message, details)
  }
}

/** What failed, and what to do where the table is missing. */
export function failureText(error: unknown, alias: string): string {
  const isMissing = error instanceof QueryError && error.errorClass === 'syntax'
  const hint = isMissing ? ` Was client.setUpShardDirectory({ database: "${alias}" }) called?` : ''
  return `${messageOf(error).replace(/\.$/, '')}. Nothing was sent.${hint}`
}
