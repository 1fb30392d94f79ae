import mysql from 'mysql2/promise'
import { connect } from 'signalbox'
import { startMariadb } from 'signalbox/testing'
import { compare, type Comparison } from './measure.ts'

const rows = 20_000
const read = 'select id, name, stock from item where id = ?'
const write = 'update item set stock = stock + 1 where id = ?'

/** Routed against mysql2's `pool.execute`, on a server of its own. */
export async function benchMariadb(scale: number): Promise<readonly Comparison[]> {
  await using server = await startMariadb()
  const { dsn } = await server.createDatabase()
  const pool = mysql.createPool(dsn)
  const client = await connect(dsn)
  try {
    await client.query('create table item (id integer primary key, name varchar(40) not null, stock integer not null)')
    for (let start = 1; start <= rows; start += 1_000) {
      const values = Array.from({ length: 1_000 }, (_, index) => `(${start + index}, 'item ${start + index}', 0)`)
      await client.query(`insert into item (id, name, stock) values ${values.join(', ')}`)
    }
    const spread = (index: number): number => ((index * 7_919) % rows) + 1
    const results: Comparison[] = []
    for (const concurrency of [1, 32]) {
      const shared = {
        concurrency,
        operations: Math.ceil((concurrency === 1 ? 2_000 : 5_000) * scale),
        target: { ratio: 0.97 },
      }
      results.push(
        await compare({
          ...shared,
          bench: 'MariaDB: read by key',
          rounds: 21,
          bare: { name: 'pool.execute', run: (index) => pool.execute(read, [spread(index)]) },
          signalbox: { name: 'client.query', run: (index) => client.query(read, [spread(index)]) },
        }),
        await compare({
          ...shared,
          operations: Math.ceil(1_500 * scale),
          bench: 'MariaDB: transaction, read and write',
          rounds: 21,
          bare: {
            name: 'pool by hand',
            run: async (index) => {
              const connection = await pool.getConnection()
              await connection.query('START TRANSACTION')
              await connection.execute(read, [spread(index)])
              await connection.execute(write, [spread(index)])
              await connection.query('COMMIT')
              connection.release()
            },
          },
          signalbox: {
            name: 'client.transaction',
            run: (index) =>
              client.transaction(async (tx) => {
                await tx.query(read, [spread(index)])
                await tx.query(write, [spread(index)])
              }),
          },
        }),
      )
    }
    return results
  } finally {
    await client.close()
    await pool.end()
  }
}
