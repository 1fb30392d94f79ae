import type { TestCluster } from 'signalbox/testing'
import type { DebianPackages } from '../test/support/debian-packages.ts'
import { startPooler, type Pooler } from './pooler.ts'

/**
 * One PgBouncer in front of the replicas of a cluster, in transaction pooling: the databases `replica0`, `replica1` …,
 * each with the default 20 connections to its server. It chooses no server, so clients go to the databases in turn.
 */
export async function startPgbouncer(
  cluster: TestCluster,
  database: string,
  packages: DebianPackages,
): Promise<Pooler> {
  const { user, password } = cluster.primary
  return await startPooler({
    name: 'pgbouncer',
    program: await packages.program('pgbouncer'),
    environment: packages.environment,
    args: ['{folder}/pgbouncer.ini'],
    files: (port, folder) => ({
      'pgbouncer.ini': [
        '[databases]',
        ...cluster.replicas.map(
          (server, index) => `replica${index} = host=${server.host} port=${server.port} dbname=${database}`,
        ),
        '[pgbouncer]',
        'listen_addr = 127.0.0.1',
        `listen_port = ${port}`,
        'unix_socket_dir =',
        'auth_type = scram-sha-256',
        `auth_file = ${folder}/userlist.txt`,
        'pool_mode = transaction',
        'log_connections = 0',
        'log_disconnections = 0',
        '',
      ].join('\n'),
      'userlist.txt': `"${user}" "${password}"\n`,
    }),
    ready: /process up/,
    stopSignal: 'SIGTERM',
  })
}
