import { createServer, connect as connectSocket, type AddressInfo, type Socket } from 'node:net'
import type bare from 'mysql2'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Client, Config } from '../../src/index.ts'
import { startFaultProxy } from '../../src/testing/index.ts'
import { Random } from '../../src/testing/history/random.ts'
import { testedEngines } from '../support/servers.ts'
import { marked, markedTable, rowsOf, SharedReadsBench, upTo } from '../support/shared-reads.ts'

/** A proxy that hands on what the server says in small pieces, each in a turn of its own. */
async function choppingProxy(port: number, next: () => number): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const behind = connectSocket({ port, host: '127.0.0.1', noDelay: true })
    for (const each of [client.setNoDelay(true), behind]) {
      sockets.add(each)
      each.on('error', () => undefined).on('close', () => (client.destroy(), behind.destroy()))
    }
    client.pipe(behind)
    let queue = Promise.resolve()
    const handOn = async (chunk: Buffer): Promise<void> => {
      for (let at = 0; at < chunk.length && !client.destroyed;) {
        const end = at + next()
        client.write(chunk.subarray(at, end))
        at = end
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    behind.on('data', (chunk: Buffer) => void (queue = queue.then(async () => await handOn(chunk))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const each of sockets) each.destroy()
  })
  return (server.address() as AddressInfo).port
}

describe.runIf(testedEngines.includes('mysql'))('reads of mysql2 that share connections', () => {
  const at = new SharedReadsBench(markedTable)

  const poolThrough = async (
    dsn: string,
    limits: Config['pool'] = {},
  ): Promise<readonly [bare.Pool, Client<'default'>]> => {
    const client = await at.client({ multiplexSlowMs: 50, ...limits }, dsn)
    return [at.poolOf(client), client]
  }
  const markers = async (pool: bare.Pool, from: number, count = 30): Promise<void> =>
    void (await Promise.all(
      upTo(count).map(async (n) => expect(await at.asked(pool, marked(from + n))).toEqual(rowsOf(from + n))),
    ))

  it.each([0, 1, 5, 60, 300, 1_000, 2_500])(
    'are answered though their connection breaks %i bytes into their answers',
    async (bytes) => {
      const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(at.dsn).port) })
      onTestFinished(async () => await proxy.close())
      const [pool, client] = await poolThrough(proxy.through(at.dsn))
      await at.taught(pool, marked(0))
      for (let round = 0; round < 3; round++) {
        await at.taught(pool, marked(0))
        const sizes = proxy.connections.map((each) => each.delivered('to-client'))
        await markers(pool, 0)
        const grown = proxy.connections.map((each, n) => each.delivered('to-client') - sizes[n]!)
        const lane = proxy.connections[grown.indexOf(Math.max(...grown))]!
        lane.apply({ kind: 'cut-after', direction: 'to-client', bytes })
        await markers(pool, 100, 40)
        await lane.cut
      }
      await at.expectOnce()
      // All connections at once, whoever reads: an error is one of the connection, and an answer the right one.
      await at.taught(pool, marked(0))
      const all = upTo(40).map(async (n) => await at.asked(pool, marked(n)))
      await vi.waitFor(() => expect(at.statsOf(client).sharedInFlight).toBeGreaterThan(0), { interval: 0 })
      proxy.reset()
      for (const [n, answer] of (await Promise.all(all)).entries())
        if (answer instanceof Error)
          expect(answer).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|PROTOCOL_CONNECTION_LOST)$/) })
        else expect(answer).toEqual(rowsOf(n))
      await at.taught(pool, marked(0))
      await at.expectOnce()
    },
  )

  it.each([1, 7])('are told apart where they come in pieces of up to %i bytes', async (most) => {
    const random = new Random(5)
    const dsn = new URL(at.dsn)
    dsn.port = String(await choppingProxy(Number(dsn.port), () => 1 + random.below(most)))
    const [pool] = await poolThrough(dsn.href, { multiplexSlowMs: 5_000 })
    await at.taught(pool, marked(0))
    for (let round = 0; round < 3; round++) await markers(pool, round * 100)
    // Others are sent while answers come in.
    const one = async (from: number): Promise<void> => {
      for (let n = 0; n < 20; n++) await markers(pool, from + n, 1)
    }
    await Promise.all(upTo(15).map(async (part) => await one(1_000 * part)))
    await at.expectOnce()
  })
})
