import type { Bound } from '../behind.ts'
import { ClientFinder, type Declared } from '../client-finder.ts'
import type { Target } from '../known-servers.ts'
import { Identities, isGiven } from '../own-server.ts'
import type { FindBehind } from './behind.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { givenSettings, type GivenSettings } from './given-settings.ts'
import { commandClasses, type Mysql2 } from './native-mysql2.ts'
import { serverSettings } from './server-settings.ts'
import { SessionHost } from './session-host.ts'

/** Finds what stands behind the connections of one module like `mysql2`. */
export function mysql2Finder(mysql2: Mysql2, declared?: Declared): ClientFinder<SessionHost> {
  const classes = commandClasses(mysql2)
  const hostOf = (bound: Bound): SessionHost => new SessionHost(bound, classes)
  const isEncrypted = ({ searchParams }: URL): boolean => !['false', ''].includes(searchParams.get('ssl') ?? '')
  return new ClientFinder({ hostOf, usualPort: 3306, isEncrypted }, declared)
}

/** What a finder is asked with the settings of `mysql2`. */
export function mysql2Find(mysql2: Mysql2, finder: ClientFinder<SessionHost>): FindBehind {
  const identities = new Identities()
  return (config, options) => {
    const given = givenSettings(mysql2, options)
    return finder.find({
      signalbox: given['signalbox'],
      named: namedTarget(config, given),
      target: config,
      encrypted: isGiven(given['ssl']),
      server: () => serverSettings(mysql2, config, given, identities),
    })
  }
}

/** What the settings themselves say about where they lead; the defaults of `mysql2` do not count. */
function namedTarget(
  { host, port, user, database, socketPath }: ConnectionSettings,
  given: GivenSettings,
): Target | undefined {
  const named: Target = {
    // No server is known by its socket.
    ...(socketPath ? { host: socketPath } : given['host'] ? { host, port } : given['port'] ? { port } : {}),
    ...(user ? { user } : {}),
    ...(database ? { database } : {}),
  }
  return Object.keys(named).length === 0 ? undefined : named
}
