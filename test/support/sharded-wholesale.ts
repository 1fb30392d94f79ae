import type { Engine } from '../../src/topology/server-target.ts'
import { startShardedTables, type ShardedTables } from './sharded-tables.ts'
import { wholesaleTables } from './wholesale-rows.ts'

/**
 * The rows of a wholesaler in one database, and with its sales over four shards. A sale lives with its lines; whatever both are
 * looked up in is on every shard.
 */
export async function startShardedWholesale(engine: Engine): Promise<ShardedTables> {
  return await startShardedTables(engine, {
    tables: wholesaleTables(),
    shardKeys: { sale: 'id', sale_line: 'sale_id' },
    keyType: 'integer',
  })
}
