import type { DriverResult, Lease } from '../../drivers/driver.ts'
import { QueryError, SignalboxError } from '../../errors.ts'
import type { Params } from '../../statement/statement.ts'
import type { Decision, SendOptions } from '../decision.ts'
import type { Result } from '../result.ts'
import type { ShardCounters } from '../shard-counters.ts'
import { withShards } from '../shard-decision.ts'

/** How a decision for one shard is carried out. */
export interface ScatterParts {
  readonly run: (single: Decision, params: Params, options: SendOptions | undefined) => Promise<Result<unknown>>
  readonly stream: (
    single: Decision,
    params: Params,
    options: SendOptions | undefined,
  ) => AsyncGenerator<unknown, void, undefined>
  /** Most shards at a time. */
  readonly concurrency: number
  readonly counters: ShardCounters
  /** Absent where no connection is to be had beside those that are open. */
  readonly spill?: Spill | undefined
}

/** Where partial rows go that are too many. */
export interface Spill {
  readonly mostRows: number
  /** A connection of one's own to the primary of a shard. */
  readonly reserve: (single: Decision, options: SendOptions | undefined) => Promise<ShardConnection>
}

/** A connection to one server, for what needs several statements. Errors tell the server. */
export interface ShardConnection {
  query(sql: string, params: Params, rowMode: SendOptions['rowMode']): Promise<DriverResult>
  stream(sql: string, params: Params, rowMode: SendOptions['rowMode']): AsyncGenerator<unknown, void, undefined>
  /** Tidies up: whatever has become of the call, its signal and its time. */
  tidy(sql: string): Promise<unknown>
  /** It leads to the primary of a shard whose reads may go to replicas. */
  readonly isReplicated: boolean
  readonly lease: Pick<Lease, 'begin' | 'rollback' | 'release'>
}

/** The decision for one shard, with the text that is asked of it. */
export function onShard(decision: Decision, shard: string, sql: string): Decision {
  return { ...withShards(decision, [shard]), sql }
}

const unreachable: ReadonlySet<string> = new Set([
  'SIGNALBOX_NO_PRIMARY',
  'SIGNALBOX_TWO_PRIMARIES',
  'SIGNALBOX_NO_REPLICA',
  'SIGNALBOX_POOL_EXHAUSTED',
  'SIGNALBOX_TIMEOUT',
])

/** Whether an error says that a shard is not there, rather than that it has answered with one. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof QueryError) return ['connection-lost', 'shutting-down', 'starting-up'].includes(error.errorClass)
  return error instanceof SignalboxError && unreachable.has(error.code)
}

/** In the order of the items; the first error ends the rest of what was not begun. */
export async function mapAtMost<T, R>(
  most: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      try {
        results[index] = await work(items[index]!)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  return results
}
