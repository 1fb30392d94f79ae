import { text } from './names.ts'

/** Where the local server finds the base, in the words of libpq. */
export interface ForeignServer {
  readonly server: Readonly<Record<string, string>>
  /** Who reads there. Holds the password. */
  readonly user: Readonly<Record<string, string>>
}

/** Parameters of a data source name that libpq has, too, and that postgres_fdw lets a server have. */
const kept = new Set(['host', 'port', 'sslmode', 'sslrootcert', 'sslcrl', 'connect_timeout', 'application_name'])
const keptOfUser = new Set(['user', 'password', 'sslcert', 'sslkey', 'sslpassword'])

/**
 * Whatever is sent over it, the base's own server refuses to write: its transactions are read-only from the start. And PostgreSQL here
 * refuses to send a change at all.
 */
export function foreignServer(dsn: string): ForeignServer {
  const url = new URL(dsn)
  const user = decodeURIComponent(url.username)
  const given = new Map(url.searchParams)
  const of = (names: ReadonlySet<string>): Record<string, string> =>
    Object.fromEntries([...given].filter(([name]) => names.has(name)))
  const database = decodeURIComponent(url.pathname.slice(1))
  return {
    server: {
      ...(url.hostname === '' ? {} : { host: url.hostname.replace(/^\[(.*)\]$/, '$1') }),
      port: url.port === '' ? '5432' : url.port,
      ...of(kept),
      dbname: database === '' ? user : database,
      options: `${given.get('options') ?? ''} -c default_transaction_read_only=on`.trim(),
      updatable: 'false',
      use_remote_estimate: 'true',
      fetch_size: '1000',
    },
    user: {
      ...(user === '' ? {} : { user }),
      ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
      ...of(keptOfUser),
    },
  }
}

/** As `OPTIONS (…)` of a definition. */
export function optionsSql(options: Readonly<Record<string, string>>): string {
  return `OPTIONS (${Object.entries(options)
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ')})`
}
