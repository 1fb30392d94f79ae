import { connect } from 'signalbox'
import type { TestServer } from 'signalbox/testing'

const received = {
  postgres: "select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::text as position",
  mysql: 'show slave status',
} as const

/**
 * The replica that has received most, which is the one that may be promoted: it has every commit that was acknowledged.
 * Signalbox follows a promotion and never decides on one, so the demo plays the cluster's manager here.
 */
export async function mostAdvanced(replicas: readonly TestServer[]): Promise<TestServer> {
  const positions = await Promise.all(
    replicas.map(async (server) => ({ server, position: await receivedPosition(server) })),
  )
  const [best] = positions.toSorted((a, b) => b.position - a.position)
  if (best === undefined) throw new Error('There is no replica to promote.')
  return best.server
}

/** A number that grows: bytes of log on PostgreSQL, transactions (the end of `0-1-42`) on MariaDB. */
async function receivedPosition(server: TestServer): Promise<number> {
  await using client = await connect(server.adminDsn())
  const { rows } = await client.query<{ position?: string; Gtid_IO_Pos?: string }>(received[server.engine])
  const [row] = rows
  return Number(row?.position ?? row?.Gtid_IO_Pos?.split('-').at(-1))
}
