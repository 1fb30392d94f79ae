import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { TestServerError } from '../errors.ts'

const host = '127.0.0.1'
const lowest = 20_000
/**
 * Linux gives outgoing connections ports from 32768 up, macOS from 49152. A server's port stays below both, so that no
 * client can take it while the server is down, nor connect to itself by picking the very port that it dials.
 */
const highest = 32_767
const attempts = 100

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, between 20000 and 32767. Somebody else may take it before it is
 * used: whoever starts a server on it has to be ready to try another one.
 *
 * @throws TestServerError if 100 ports at random were all taken.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, highest + 1)
    if (await isFree(port)) return port
  }
  throw new TestServerError(`${attempts} ports between ${lowest} and ${highest} were tried, and all are taken.`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen({ host, port, exclusive: true })
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
