import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connect } from 'signalbox'
import { compare, type Comparison } from './measure.ts'

const rows = 100_000
const read = 'select id, name, stock from item where id = ?'

/** Routed against a bare prepared statement, on the same file. */
export async function benchSqlite(scale: number): Promise<readonly Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-bench-'))
  const file = join(folder, 'bench.db')
  const client = await connect(`sqlite:${file}`)
  try {
    await client.query('create table item (id integer primary key, name text not null, stock integer not null)')
    await client.query(
      "insert into item with recursive n (n) as (values (1) union all select n + 1 from n where n < 100000) select n, 'item ' || n, 0 from n",
    )
    using bare = new DatabaseSync(file, { readOnly: true })
    const statement = bare.prepare(read)
    const spread = (index: number): number => ((index * 7_919) % rows) + 1
    return [
      await compare({
        bench: 'SQLite: read by key',
        concurrency: 1,
        operations: Math.ceil(60_000 * scale),
        rounds: 11,
        bare: { name: 'prepared .get', run: (index) => statement.get(spread(index)) },
        signalbox: { name: 'client.query', run: (index) => client.query(read, [spread(index)]) },
        target: { extraMicros: 1.5 },
      }),
    ]
  } finally {
    await client.close()
    await rm(folder, { recursive: true, force: true })
  }
}
