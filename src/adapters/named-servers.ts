import type { Bound } from './behind.ts'
import { sameHost, type Target } from './known-servers.ts'

/** Names of databases that are remembered for each client. */
const mostDatabases = 100

interface Named {
  /** The first server that was named for a database. */
  readonly servers: Map<string, Target>
  isTold: boolean
}

/** The servers that settings name, where one client of Signalbox answers all of them. */
export class NamedServers {
  readonly #named = new WeakMap<Bound, Named>()

  /** Says once if settings name another server for the same database than others did: then somebody else chooses among replicas, too. */
  note(bound: Bound, target: Target): void {
    const { host, port, database = '' } = target
    if (host === undefined) return
    const named = this.#named.get(bound) ?? { servers: new Map<string, Target>(), isTold: false }
    this.#named.set(bound, named)
    if (named.isTold) return
    const first = named.servers.get(database)
    if (first === undefined) {
      if (named.servers.size < mostDatabases) named.servers.set(database, target)
      return
    }
    if (sameHost(first.host ?? '', host) && first.port === port) return
    named.isTold = true
    process.emitWarning(
      `Settings of connections name two servers of one database, ${addressOf(first)} and ${addressOf(target)}, and one client of Signalbox answers for both: ` +
        'it chooses the server of each statement itself. If they come from the option replication of Sequelize or TypeORM, or another of that kind, take it out: ' +
        'it chooses by the method that is called, which decides nothing here.',
      'SignalboxWarning',
    )
  }
}

function addressOf({ host, port }: Target): string {
  return `${host}:${port}`
}
