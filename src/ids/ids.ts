import { snowflake } from './snowflake.ts'
import { uuidv7 } from './uuidv7.ts'

export type {
  ShardedSnowflakeIds,
  ShardedSnowflakeOptions,
  SnowflakeFields,
  SnowflakeId,
  SnowflakeIds,
  SnowflakeOptions,
} from './snowflake.ts'
export type { Uuidv7Ids, Uuidv7Options } from './uuidv7.ts'

/** Ids that are known before their row is stored, and unique over all shards. */
export const ids = Object.freeze({ snowflake, uuidv7 })
