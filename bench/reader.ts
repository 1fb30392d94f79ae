import assert from 'node:assert/strict'
import { Pool } from 'pg'
import type { ClusterDatabase, TestCluster } from 'signalbox/testing'
import { debianPackages, PackagesMissingError } from '../test/support/debian-packages.ts'
import { startPgbouncer } from './pgbouncer.ts'
import { startPgpool } from './pgpool.ts'

/** Somebody who reads from the replicas of a cluster, and how much faster than that Signalbox is to be. */
export interface Reader extends AsyncDisposable {
  readonly name: string
  readonly target: number
  readonly query: (sql: string, params: readonly unknown[]) => Promise<{ readonly rows: readonly unknown[] }>
}

/** A comparison that could not be made on this machine, which counts as missed. */
export interface Unmeasured {
  readonly bench: string
  readonly why: string
  readonly met: false
}

/** One `pg.Pool` for each address, in turn. */
export function poolsInTurn(name: string, addresses: readonly string[], max: number, target: number): Reader {
  // Connections that are idle while others have their turn are kept, or it would be their opening that is measured.
  const pools = addresses.map((connectionString) => new Pool({ connectionString, max, idleTimeoutMillis: 0 }))
  for (const pool of pools) pool.on('error', () => undefined)
  let next = 0
  return {
    name,
    target,
    query: (sql, params) => {
      next = (next + 1) % pools.length
      return pools[next]!.query(sql, [...params])
    },
    [Symbol.asyncDispose]: async () => {
      for (const pool of pools) await pool.end()
    },
  }
}

/** The proxies' clients have as many connections as a `pg.Pool` has by default, and as many as there are callers. */
const poolSizes = (callers: number): readonly number[] => [10, callers]

/**
 * Readers through pgpool-II and PgBouncer, which are downloaded and not installed. Where that is not possible they are
 * said to be missing.
 */
export async function proxiedReaders(
  cluster: TestCluster,
  database: ClusterDatabase,
  callers: number,
  stack: AsyncDisposableStack,
): Promise<{ readonly readers: readonly Reader[]; readonly unmeasured: readonly Unmeasured[] }> {
  const sizes = poolSizes(callers)
  try {
    const packages = await debianPackages('pgpool2', 'pgbouncer')
    const sessions = sizes.reduce((sum, size) => sum + size, 0) + 4
    const pgpool = stack.use(await startPgpool(cluster, packages, sessions))
    const pgbouncer = stack.use(await startPgbouncer(cluster, database.name, packages))
    const through = (port: number, name: string): string => {
      const address = new URL(database.primary)
      address.port = String(port)
      address.pathname = name
      return address.href
    }
    const replicas = cluster.replicas.map((_, index) => through(pgbouncer.port, `replica${index}`))
    const readers = sizes.flatMap((max) => [
      poolsInTurn(`pgpool-II, pg.Pool of ${max}`, [through(pgpool.port, database.name)], max, 4),
      poolsInTurn(`PgBouncer, ${replicas.length} pg.Pools of ${max}`, replicas, max, 2),
    ])
    for (const reader of readers) stack.use(reader)
    return { readers: readers.toSorted((a, b) => b.target - a.target), unmeasured: [] }
  } catch (error) {
    if (!(error instanceof PackagesMissingError)) throw error
    const bench = 'PostgreSQL replicas: against pgpool-II and PgBouncer'
    return { readers: [], unmeasured: [{ bench, why: error.message, met: false }] }
  }
}

/**
 * Throws unless the reader answers from all replicas, with these rows, and from other servers hardly ever: on a machine that is busy
 * Signalbox may have to read the primary once, right after the writes.
 */
export async function checkReader(
  { name, query }: Pick<Reader, 'name' | 'query'>,
  cluster: TestCluster,
  read: string,
  rowsById: ReadonlyMap<number, unknown>,
): Promise<void> {
  const unread = new Set(cluster.replicas.map(({ port }) => port))
  const ports = new Set(unread)
  let [answers, elsewhere] = [0, 0]
  // A replica that has not been asked since the last write is not read by Signalbox for up to half a second.
  const deadline = performance.now() + 3_000
  while (answers < 100 || (unread.size > 0 && performance.now() < deadline)) {
    const { rows } = await query('select inet_server_port() as port, $1::integer as n', [answers])
    const { port } = rows[0] as { readonly port: number }
    answers += 1
    unread.delete(port)
    if (!ports.has(port)) elsewhere += 1
  }
  assert.ok(elsewhere <= answers / 20, `${name}: ${elsewhere} of ${answers} reads did not go to the replicas`)
  assert.equal(unread.size, 0, `${name} does not read the replica on port ${[...unread].join(', ')}`)
  for (const [id, row] of rowsById) {
    assert.deepEqual((await query(read, [id])).rows, [row], `${name} gives other rows than the primary`)
  }
}
