/** What the process answers. Documented in the help text and in `docs/cli.md`. */
export const exitCodes = {
  /** All is well. */
  well: 0,
  /** `explain`: the statement is refused. `check`: a problem was found. `status`: something is out. `shards`: one cannot be reached. */
  problem: 1,
  /** The command line or the configuration is wrong, so nothing could be done. */
  usage: 2,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
