import type { Engine } from '../drivers/driver.ts'
import type { Decision } from '../execution/decision.ts'
import type { Executor } from '../execution/execute.ts'
import type { Result } from '../execution/result.ts'
import { withShards } from '../execution/shard-decision.ts'
import type { CallLimits } from '../execution/time-limit.ts'
import { SessionMemory } from '../routing/session.ts'
import type { Surroundings } from '../routing/surroundings.ts'

/** What is needed to reach the databases. */
export interface LookupHost {
  readonly executor: Executor
  /** A decision on the database of this alias. */
  readonly anywhere: (alias: string) => Decision | Promise<Decision>
}

export interface LookupQuery {
  readonly sql: string
  readonly params?: readonly unknown[]
  readonly access: 'read' | 'write'
}

/** Where something is asked: the only shard of a database, or one of several. */
export interface LookupPlace {
  readonly database: string
  readonly shard?: string | undefined
}

/** Sends the statements of the index to primaries, each in autocommit mode, outside of every session. */
export class LookupServers {
  readonly #host: LookupHost
  // What the index reads and writes is nothing that a session of the application has to see again on a replica.
  readonly #surroundings: Surroundings = { memory: new SessionMemory(), shared: true, role: 'primary' }

  constructor(host: LookupHost) {
    this.#host = host
  }

  async engineOf(alias: string): Promise<Engine> {
    return (await this.#host.anywhere(alias)).database.engine
  }

  async query<Row>(place: LookupPlace, query: LookupQuery, limits: CallLimits): Promise<Result<Row>> {
    const decision = decisionOn(await this.#host.anywhere(place.database), place.shard, query)
    const { signal, timeoutMs } = limits
    const options = { ...(signal && { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) }
    const { executor } = this.#host
    return await executor.run<Row>(decision, query.params ?? [], { ...options, rowMode: 'object' }, this.#surroundings)
  }
}

function decisionOn(anywhere: Decision, shard: string | undefined, { sql, access }: LookupQuery): Decision {
  const [first] = anywhere.database.shards
  const on = withShards(anywhere, [shard ?? first?.name ?? ''])
  return { ...on, sql, route: Object.freeze({ ...on.route, role: 'primary', effect: access }) }
}
