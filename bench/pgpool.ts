import type { TestCluster } from 'signalbox/testing'
import { freePort } from '../src/testing/free-port.ts'
import type { DebianPackages } from '../test/support/debian-packages.ts'
import { startPooler, type Pooler } from './pooler.ts'

/**
 * Pgpool-II in front of all servers of a cluster, as its documentation recommends it for applications that keep their
 * connections (chapter 7.3): streaming replication mode, and the replica is chosen for each statement. What is not
 * named here is its default: load balancing, the cache of connections, and the shared cache of relations are on; the
 * cache of queries, health checks, logging of statements, and the watchdog are off.
 *
 * @param sessions Clients that are connected at a time.
 */
export async function startPgpool(cluster: TestCluster, packages: DebianPackages, sessions: number): Promise<Pooler> {
  const { user, password } = cluster.primary
  const pcpPort = await freePort()
  return await startPooler({
    name: 'pgpool',
    program: await packages.program('pgpool'),
    environment: packages.environment,
    args: ['-n', '-D', '-f', '{folder}/pgpool.conf', '-a', '{folder}/pool_hba.conf', '-F', '{folder}/pcp.conf'],
    files: (port, folder) => {
      const servers = cluster.servers.map((server, index) => ({
        [`backend_hostname${index}`]: server.host,
        [`backend_port${index}`]: server.port,
        // Reads are for the replicas, as Signalbox has it.
        [`backend_weight${index}`]: server === cluster.primary ? 0 : 1,
        [`backend_flag${index}`]: 'DISALLOW_TO_FAILOVER',
      }))
      const settings = Object.assign(
        {
          backend_clustering_mode: 'streaming_replication',
          listen_addresses: '127.0.0.1',
          port,
          pcp_listen_addresses: '127.0.0.1',
          pcp_port: pcpPort,
          socket_dir: folder,
          pcp_socket_dir: folder,
          wd_ipc_socket_dir: folder,
          pid_file_name: `${folder}/pgpool.pid`,
          logdir: folder,
          enable_pool_hba: 'on',
          pool_passwd: `${folder}/pool_passwd`,
          num_init_children: sessions,
          // All clients are of one user and one database, so each process needs one.
          max_pool: 1,
          statement_level_load_balance: 'on',
          sr_check_user: user,
          sr_check_password: password,
        },
        ...servers,
      ) as Record<string, string | number>
      const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
      return {
        'pgpool.conf': lines.join(''),
        'pool_hba.conf': 'host all all 127.0.0.1/32 scram-sha-256\n',
        pool_passwd: `${user}:TEXT${password}\n`,
        'pcp.conf': '',
      }
    },
    ready: /pgpool-II successfully started/,
    stopSignal: 'SIGINT',
  })
}
