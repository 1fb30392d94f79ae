import type { Engine, Scope } from '../index.ts'
import type { ServerFacts } from './inventory.ts'

/** What a server says of its replication. What could not be learnt is `null`. */
export interface ReplicationFacts {
  /** PostgreSQL: the system identifier, which a cluster's copies have in common. */
  readonly cluster: string | null
  /** Whether it receives from a primary now; `null` also for a primary. */
  readonly receiving: boolean | null
  /** MariaDB, MySQL: a privilege of this account with which `read_only` does not keep it from writing. */
  readonly writesBy: string | null
}

/** What a server is, for instance `MariaDB` and `10.11.19`. */
type Product = Pick<ServerFacts, 'product' | 'version'>

/** Asks for what there is; each question for itself, since an account may not be allowed to ask all of them. */
export async function replicationFacts(scope: Scope, engine: Engine, product: Product): Promise<ReplicationFacts> {
  if (engine === 'sqlite') return { cluster: null, receiving: null, writesBy: null }
  if (engine === 'postgres') {
    return {
      cluster: await orNull(async () => await postgresCluster(scope)),
      receiving: await orNull(async () => await postgresReceiving(scope)),
      writesBy: null,
    }
  }
  return {
    cluster: null,
    receiving: await orNull(async () => await mariadbReceiving(scope)),
    writesBy: await orNull(async () => await privilegeToWrite(scope, product)),
  }
}

async function orNull<T>(ask: () => Promise<T | null>): Promise<T | null> {
  try {
    return await ask()
  } catch {
    return null
  }
}

async function postgresCluster(scope: Scope): Promise<string | null> {
  const { rows } = await scope.query<{ cluster: string }>(
    'select cast(system_identifier as text) as cluster from pg_control_system()',
  )
  return rows[0]?.cluster ?? null
}

async function postgresReceiving(scope: Scope): Promise<boolean | null> {
  const { rows } = await scope.query<{ recovering: boolean; pid: number | null; status: string | null }>(
    `select pg_is_in_recovery() as recovering, receiver.pid, receiver.status
      from (select 1) as one left join pg_stat_wal_receiver as receiver on true`,
  )
  const [row] = rows
  if (row?.recovering !== true) return null
  // Whoever may not see its state sees still whether there is a receiver.
  return row.pid !== null && (row.status === null || row.status === 'streaming')
}

async function mariadbReceiving(scope: Scope): Promise<boolean | null> {
  const { rows } = await scope.query<{ name: string; value: string }>(
    `select upper(variable_name) as name, variable_value as value from information_schema.global_status
      where variable_name in ('SLAVE_HEARTBEAT_PERIOD', 'SLAVE_RUNNING')`,
  )
  const values = new Map(rows.map(({ name, value }) => [name, value]))
  if (values.get('SLAVE_RUNNING') === 'ON') return true
  // Replication under another than the default name is not to be seen here: then there is no heartbeat either.
  return Number(values.get('SLAVE_HEARTBEAT_PERIOD')) > 0 ? false : null
}

async function privilegeToWrite(scope: Scope, product: Product): Promise<string | null> {
  const { rows } = await scope.query<Record<string, string>>('show grants')
  return privilegeDespiteReadOnly(
    rows.flatMap((row) => Object.values(row)),
    product,
  )
}

/**
 * The privilege of these grants with which an account writes to a server that is `read_only`, if it has one. From
 * MariaDB 10.11 on, SUPER alone is no longer enough.
 */
export function privilegeDespiteReadOnly(grants: readonly string[], { product, version }: Product): string | null {
  const everywhere = grants.flatMap((grant) => {
    const [, list = ''] = /^grant (.+) on \*\.\* to /i.exec(grant) ?? []
    return list.toUpperCase().split(/\s*,\s*/)
  })
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isSuperEnough = product !== 'MariaDB' || major < 10 || (major === 10 && minor < 11)
  const enough = ['ALL PRIVILEGES', 'READ_ONLY ADMIN', 'READ ONLY ADMIN', 'CONNECTION_ADMIN']
  return everywhere.find((privilege) => enough.includes(privilege) || (isSuperEnough && privilege === 'SUPER')) ?? null
}
