/** What an HTTP request needs to know of its session. */
export interface HttpSession {
  /** True once a statement that may write was sent in it, from before its answer. */
  readonly wrote: boolean
  /**
   * The token to carry on, or undefined if there is nothing to remember: nothing was written and nothing inherited, or
   * every replica has caught up. May ask the primary for its position.
   */
  token(): Promise<string | undefined>
}

/** What a session begins with. */
export interface SessionStart {
  /** Where earlier sessions ended: it begins where all of them have. One that cannot be used is ignored and counted. */
  readonly token?: readonly string[] | undefined
  /** Every read of the session goes to the primary. Default false. */
  readonly primary?: boolean | undefined
}

/** What the HTTP adapters need of a client. */
export interface SessionHost {
  /** Runs `fn` in a session, which lasts as long as what `fn` begins: over every `await` and call-back. */
  session<T>(fn: (session: HttpSession) => T, options?: SessionStart): T
}
