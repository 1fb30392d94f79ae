import { CrossShardError } from '../errors.ts'
import type { Database } from '../topology/topology.ts'
import type { Decision } from './decision.ts'

/** Where the open transaction or reserved connection is: there goes a statement for which every shard will do. */
export interface OpenShard {
  readonly on: Database
  readonly shard: string
}

/** Where a decision's connection is. */
export function openShardOf({ database, route }: Decision): OpenShard {
  return { on: database, shard: route.shards[0] ?? '' }
}

/** What has one connection is on one shard of one database. */
export function isSamePlace({ route: first }: Decision, { route: second }: Decision): boolean {
  return first.database === second.database && second.shards.length === 1 && first.shards[0] === second.shards[0]
}

/** Throws if the first statement of something that has one connection would be one for several. */
export function refuseSeveralShards({ route }: Decision, what: string): void {
  if (route.shards.length === 1) return
  throw new CrossShardError(
    `${what} runs on one shard, and its first statement is for ${named(route.shards)} of "${route.database}". Nothing was sent. ` +
      'Give the shard key, or use one for each shard: client.shard(key, fn).',
    { database: route.database },
  )
}

/** The error of a statement that belongs to another shard than the connection it would run on. `ways`: what is to be done. */
export function onOtherShard(what: string, first: Decision, second: Decision, ways: string): CrossShardError {
  const [shard = ''] = first.route.shards
  return new CrossShardError(
    `The ${what} is on the shard "${shard}" of "${first.route.database}" since its first statement, and this one belongs to ` +
      `${named(second.route.shards)}. ${ways}`,
    { database: first.route.database, shard },
  )
}

function named(shards: readonly string[]): string {
  return `the shard${shards.length === 1 ? '' : 's'} ${shards.map((shard) => `"${shard}"`).join(', ')}`
}
