import { connect } from 'signalbox'
import type { ClusterDatabase, TestCluster } from 'signalbox/testing'
import type { Dialect } from '../dialect.ts'
import { Shop } from '../shop.ts'

export interface ReplicatedShop {
  readonly shop: Shop
  readonly cluster: TestCluster
  readonly database: ClusterDatabase
}

export interface ClusterWishes {
  readonly engine: 'postgres' | 'mariadb'
  readonly replicas: number
  readonly dialect: Dialect
  readonly signal: AbortSignal
  /** Removes what is made here, also if making the rest of it fails. */
  readonly cleanup: AsyncDisposableStack
}

/**
 * A commit is acknowledged when one replica has it: what the death of an asynchronous primary loses, no client can give
 * back. The time is long, because MariaDB would go on without its replicas after it.
 */
const synchronous = {
  postgres: { synchronous_standby_names: 'ANY 1 (*)' },
  mariadb: {
    'rpl-semi-sync-master-enabled': '1',
    'rpl-semi-sync-slave-enabled': '1',
    'rpl-semi-sync-master-wait-point': 'AFTER_SYNC',
    'rpl-semi-sync-master-timeout': '60000',
    // Replicas write a log, too, and would wait for replicas of their own.
    'rpl-semi-sync-master-wait-no-slave': '0',
  },
} as const

/** A primary with its replicas on free ports of 127.0.0.1, with one empty database, and a client over all of them. */
export async function openReplicatedShop(wishes: ClusterWishes): Promise<ReplicatedShop> {
  const { engine, replicas, dialect, signal, cleanup } = wishes
  const { startMariadbCluster, startPostgresCluster } = await import('signalbox/testing')
  const settings = synchronous[engine]
  const start = engine === 'postgres' ? startPostgresCluster : startMariadbCluster
  const cluster = cleanup.use(await start({ replicas, settings }))
  signal.throwIfAborted()
  const database = await cluster.createDatabase('shop')
  const client = await connect({
    databases: { default: { primary: database.primary, replicas: database.replicas } },
    tokens: { keys: ['only for this demonstration'] },
  })
  const shop = cleanup.use(new Shop(client, dialect, signal))
  // Before the client closes: it would wait for the answer of one that is frozen.
  cleanup.defer(() => {
    for (const server of cluster.servers) server.thaw()
  })
  return { shop, cluster, database }
}
