/** The command line or the configuration file cannot be used. The message says what to do; it holds no password. */
export class UsageError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'UsageError'
  }
}

/** Takes the passwords out of data source names in a text of any kind, for texts that echo what the user typed. */
export function withoutPasswords(text: string): string {
  // As far as the last "@" before white space, so that a password with an unencoded "@" in it is hidden whole.
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):\S*@/gi, '$1:***@')
}
