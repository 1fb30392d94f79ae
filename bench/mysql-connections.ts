import { EventEmitter } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import mysql2 from 'mysql2'
import { connect } from 'signalbox'
import { mysql2For } from 'signalbox/mysql2'
import { startMariadb } from 'signalbox/testing'
import type { Figure } from './routing.ts'

const most = 5_000

/** Connections of the façade of mysql2 that are idle, with a setting of their own: what they take more than the objects of mysql2 itself do. */
export async function benchMysqlConnections(scale: number): Promise<readonly Figure[]> {
  await using server = await startMariadb()
  await using client = await connect(server.dsn())
  const count = Math.ceil(5_000 * Math.min(1, scale))
  const module = mysql2For(client)
  const virtual = await memoryOfEach(count, async () => await withSetting(module.createConnection({})))
  // It makes room for so many prepared statements at once.
  const bare = await memoryOfEach(count, () =>
    mysql2.createConnection({ stream: new NoSocket(), connectTimeout: 0, maxPreparedStatements: 1 }),
  )
  const more = virtual - bare
  return [
    {
      bench: `${count} idle connections of the façade of mysql2, with a setting: memory of each beyond the objects of mysql2 (${(bare / 1_000).toFixed(1)} kB)`,
      micros: 0,
      figure: `${(more / 1_000).toFixed(1)} kB`,
      target: `≤ ${most / 1_000} kB`,
      met: more <= most,
    },
  ]
}

class NoSocket extends EventEmitter {
  write(): boolean {
    return true
  }
  end(): void {}
}

async function withSetting(connection: mysql2.Connection): Promise<mysql2.Connection> {
  await connection.promise().query("set time_zone = '+00:00'")
  return connection
}

async function memoryOfEach(
  count: number,
  make: () => mysql2.Connection | Promise<mysql2.Connection>,
): Promise<number> {
  // What is made once for all is made by the first.
  const made = [await make()]
  const before = await used()
  for (let n = 0; n < count; n++) made.push(await make())
  const each = ((await used()) - before) / count
  for (const one of made) one.destroy()
  return each
}

async function used(): Promise<number> {
  for (let n = 0; n < 5; n++) {
    globalThis.gc?.()
    await setTimeout(20)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
