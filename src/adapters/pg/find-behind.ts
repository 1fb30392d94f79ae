import type { ClientConfig } from 'pg'
import { ClientFinder, type Declared } from '../client-finder.ts'
import type { Target } from '../known-servers.ts'
import { Identities } from '../own-server.ts'
import type { ClientParameters, FindBehind } from './behind.ts'
import type { Pg } from './native-pg.ts'
import { serverSettings } from './server-settings.ts'
import { SessionHost } from './session-host.ts'

/** Finds what stands behind the clients of one module like `pg`. */
export function pgFinder(declared?: Declared): ClientFinder<SessionHost> {
  return new ClientFinder({ hostOf: (bound) => new SessionHost(bound), usualPort: 5432 }, declared)
}

/** What a finder is asked with the settings of `pg`. */
export function pgFind(pg: Pg, finder: ClientFinder<SessionHost>): FindBehind {
  const identities = new Identities()
  return (parameters, config) => {
    // What replicates speaks another protocol.
    if (parameters.replication) return undefined
    return finder.find({
      signalbox: (config as { readonly signalbox?: unknown }).signalbox,
      named: namedTarget(parameters, config),
      target: parameters,
      server: () => serverSettings(pg, parameters, config, identities),
    })
  }
}

/** What the settings themselves say about where they lead; the environment and the defaults of `pg` do not count. */
function namedTarget({ host, port, user, database }: ClientParameters, config: ClientConfig): Target | undefined {
  if (config.connectionString) return { host, port, user, database }
  const named = {
    ...(config.host ? { host, port } : config.port ? { port } : {}),
    ...(config.user ? { user } : {}),
    ...(config.database ? { database } : {}),
  }
  return Object.keys(named).length === 0 ? undefined : named
}
