import type { CommentHints } from './comment-hints.ts'
import type { Databases } from './databases.ts'
import type { Decider } from './decider.ts'
import type { Directories } from './directory/directories.ts'
import type { Executor } from './execution/execute.ts'
import type { Reservations } from './execution/reservations.ts'
import type { ShardCounters } from './execution/shard-counters.ts'
import type { Lookups } from './lookups/lookups.ts'
import type { ParsedConfig } from './parse-config.ts'
import type { Sessions } from './sessions.ts'
import type { ShadowStore } from './shadows/changes/shadow-store.ts'
import type { Database } from './topology/topology.ts'

/** The parts that a client is made of. */
export interface ClientParts {
  readonly config: ParsedConfig
  readonly databases: Databases
  readonly decider: Decider
  readonly hints: CommentHints
  readonly executor: Executor
  readonly counters: ShardCounters
  readonly reservations: Reservations
  readonly sessions: Sessions
  readonly directories: Directories
  readonly lookups: Lookups
  /** What a shadow keeps. */
  readonly shadowStore: (shadow: Database) => Promise<ShadowStore>
  /** Changed by `close()`. */
  readonly life: { closed: boolean }
}
