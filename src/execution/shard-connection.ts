import type { Access, DriverRequest, DriverResult, Lease } from '../drivers/driver.ts'
import { locate } from '../errors.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import type { Params } from '../statement/statement.ts'
import { hasReplicas } from '../topology/topology.ts'
import { requestOf, whereOf, type Decision, type SendOptions } from './decision.ts'
import { PlacedLease } from './placed-lease.ts'
import { noteOrigin } from './row-origins.ts'
import { streamTraced } from './row-stream.ts'
import type { ShardConnection } from './scatter/shard-parts.ts'
import type { LeaseTerms } from './time-limit.ts'

/** Those who have connections. */
export interface LeaseHost {
  lease(decision: Decision, access: Access, terms: LeaseTerms, surroundings: Surroundings): Promise<Lease>
  onLease(
    decision: Decision,
    request: DriverRequest,
    lease: Lease,
    where: { readonly inTransaction: boolean },
  ): Promise<DriverResult>
  locatedRows<Row>(
    decision: Decision,
    rows: AsyncGenerator<unknown, void, undefined>,
  ): AsyncGenerator<Row, void, undefined>
}

/** A connection of one's own to the primary of a shard, for the temporary table of a scattered read. `options.timeoutMs`: of each statement. */
export async function reserveShard(
  host: LeaseHost,
  single: Decision,
  options: SendOptions & { readonly timeoutMs: number },
  surroundings: Surroundings,
): Promise<ShardConnection> {
  const { timeoutMs, signal, settings } = options
  const onPrimary = { ...single, route: Object.freeze({ ...single.route, role: 'primary' as const }) }
  const lease = await host.lease(onPrimary, 'session', { timeoutMs, signal, settings }, surroundings)
  const decision = lease instanceof PlacedLease ? lease.place(onPrimary) : onPrimary
  const { engine } = decision.database
  const request = (sql: string, params: Params, rowMode: SendOptions['rowMode']): DriverRequest => ({
    ...requestOf({ ...decision, sql }, params, { ...options, rowMode }, timeoutMs),
    // Each time it is another table that has the name. MySQL finds that out by itself, and gives parameters other types without.
    ...(engine === 'postgres' ? { prepare: false } : {}),
    // To a session that is not told of it, it reads: nothing that it writes is seen by anybody. SQLite closes the connection then.
    access: engine === 'sqlite' ? 'session' : 'read',
  })
  return {
    lease,
    isReplicated: hasReplicas(decision.database),
    query: async (...asked) => {
      const sent = request(...asked)
      try {
        const answer = await host.onLease({ ...decision, sql: sent.sql }, sent, lease, { inTransaction: false })
        // SQLite describes them as long as there is a connection.
        void answer.fields
        if (sent.rowMode !== 'raw') noteOrigin(answer.rows, decision.route.database)
        return answer
      } catch (error) {
        throw locate(error, whereOf(decision))
      }
    },
    stream: (...asked) => {
      const sent = request(...asked)
      const rows = streamTraced({ ...decision, sql: sent.sql }, sent, false, () => lease.stream(sent))
      return host.locatedRows<unknown>(decision, rows)
    },
    tidy: async (sql) => {
      const { signal: _, ...sent } = request(sql, [], 'raw')
      return await lease.query({ ...sent, timeoutMs })
    },
  }
}
