import { snowflake } from './snowflake.ts'
import { ticket } from './ticket.ts'
import { uuidv7 } from './uuidv7.ts'

export type {
  ShardedSnowflakeIds,
  ShardedSnowflakeOptions,
  SnowflakeFields,
  SnowflakeId,
  SnowflakeIds,
  SnowflakeOptions,
} from './snowflake.ts'
export type { TicketClient, TicketDatabase, TicketIds, TicketOptions } from './ticket.ts'
export type { Uuidv7Ids, Uuidv7Options } from './uuidv7.ts'

/** Ids that are known before their row is stored, and unique over all shards. */
export const ids = Object.freeze({ ticket, snowflake, uuidv7 })
