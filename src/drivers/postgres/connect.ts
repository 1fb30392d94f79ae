import { Socket } from 'node:net'
import type { Client, ClientConfig, Pool } from 'pg'
import { ConfigError } from '../../errors.ts'
import { faultOfDsn } from '../../topology/dsn.ts'
import type { PoolOptions } from '../driver.ts'
import { internalsOf, loadPg, type Pg } from './native.ts'
import { readingSockets, type MakeSocket } from '../reading-socket.ts'
import { quotedName } from '../../statement/quotes.ts'

/** A data source name without what `pg` must not see. */
export interface DsnParts {
  readonly dsn: string
  /** The parameter `query_timeout` of the data source name, in ms; 0 = none. */
  readonly queryTimeoutMs: number
}

/**
 * Takes `query_timeout` out of a data source name. `pg` would give up waiting after that time but leave the statement
 * running, and in pipeline mode it destroys the connection with everybody's statements on it; Signalbox applies the
 * limit itself.
 */
export function splitDsn(dsn: string): DsnParts {
  const pattern = /([?&])query_timeout=(\d+)(&|$)/
  const found = pattern.exec(dsn)
  if (found === null) return { dsn, queryTimeoutMs: 0 }
  const without = dsn.replace(pattern, (_all, before: string, _value, after: string) => (after === '&' ? before : ''))
  return { dsn: without, queryTimeoutMs: Number(found[2]) }
}

/** The data source name of a session that can only read. */
export function readOnlyDsn(dsn: string, environmentOptions: string | undefined): string {
  return dsnWithSetting(dsn, 'default_transaction_read_only=on', environmentOptions)
}

/** The data source name of a session that finds tables in these schemas. */
export function searchPathDsn(dsn: string, path: readonly string[], environmentOptions: string | undefined): string {
  const names = path.map((name) => quotedName('postgres', name)).join(',')
  return dsnWithSetting(dsn, `search_path=${names.replace(/[\\\s]/g, String.raw`\$&`)}`, environmentOptions)
}

/**
 * The data source name with a setting among those with which a session starts, so that DISCARD ALL keeps it. The last one of the same
 * name counts, so a name that says otherwise does not get through. `pg` takes the environment's PGOPTIONS only for a name without options,
 * so these are put in.
 */
function dsnWithSetting(dsn: string, setting: string, environmentOptions: string | undefined): string {
  const [, address = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(dsn) ?? [dsn, dsn]
  const parameters = new URLSearchParams(query)
  // Of several, `pg` takes the last.
  const given = parameters.getAll('options').at(-1) || (environmentOptions ?? '')
  parameters.set('options', `${given} -c ${setting}`.trim())
  return `${address}?${parameters.toString()}${fragment}`
}

/** Encrypted connections read through what Node.js has for these. */
function streamOf(makeSocket: MakeSocket): NonNullable<ClientConfig['stream']> {
  const make = (config?: { readonly ssl?: unknown }): Socket => (config?.ssl ? new Socket() : makeSocket())
  return make
}

export interface OpenedPool {
  readonly pool: Pool
  readonly queryTimeoutMs: number
  /** A client in pipeline mode, not connected yet. */
  readonly createSharedClient: () => Client
}

/** Makes a `pg.Pool`; opens no connection. */
export async function openOwnPool(parts: DsnParts, options: PoolOptions): Promise<OpenedPool> {
  const pg = await loadPg()
  const config: ClientConfig = {
    connectionString: options.readOnly === true ? readOnlyDsn(parts.dsn, process.env['PGOPTIONS']) : parts.dsn,
    connectionTimeoutMillis: options.connectTimeoutMs,
    fallback_application_name: 'signalbox',
    keepAlive: true,
    stream: streamOf(readingSockets()),
  }
  const clientOf = clientClass(pg, config)
  try {
    // Opens nothing, but reads the data source name and the files that it names.
    void new clientOf()
  } catch (error) {
    const fault = faultOfDsn(parts.dsn) ?? (error as NodeJS.ErrnoException).code ?? 'pg cannot read it'
    throw new ConfigError(
      'databases',
      `The data source name cannot be used: ${fault}.`,
      'postgres://user:password@host:port/database',
    )
  }
  const pool = new pg.Pool({
    Client: clientOf,
    max: options.maxConnections,
    idleTimeoutMillis: options.idleTimeoutMs,
    allowExitOnIdle: options.exitOnIdle === true,
  })
  return {
    pool,
    queryTimeoutMs: parts.queryTimeoutMs,
    createSharedClient: () => new pg.Client({ ...config, pipeline: true }),
  }
}

/**
 * The class of the pool's clients. The data source name is in a closure and not among the pool's options, which an
 * inspection would show; and a client that failed to connect closes its socket, which `pg-pool` leaves open.
 */
function clientClass(pg: Pg, config: ClientConfig): typeof pg.Client {
  return class extends pg.Client {
    constructor() {
      super(config)
    }

    override connect(callback?: unknown): never {
      const connect = super.connect.bind(this) as unknown as (callback: unknown) => never
      if (typeof callback !== 'function') return connect(callback)
      return connect((error: unknown) => {
        if (error != null) internalsOf(this).connection?.stream.destroy()
        ;(callback as (error: unknown) => void)(error)
      })
    }
  }
}
