import { createConnection } from 'mysql2/promise'
import { connect, type Dsn } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'

/** The names of everything that is prepared on some servers; on MySQL and MariaDB asked without Signalbox, which sends no XA. */
export async function preparedNames(engine: Engine, servers: readonly TestServer[]): Promise<string[]> {
  const all: string[] = []
  for (const server of servers) {
    if (engine === 'mysql') {
      const plain = await createConnection(server.adminDsn())
      const [rows] = await plain.query('xa recover')
      all.push(...(rows as { data: unknown }[]).map(({ data }) => String(data)))
      await plain.end()
      continue
    }
    await using plain = await connect(server.adminDsn() as Dsn)
    const { rows } = await plain.query<{ gid: string }>('select gid from pg_prepared_xacts')
    all.push(...rows.map(({ gid }) => gid))
  }
  return all
}
