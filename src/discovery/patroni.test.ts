import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigError, DiscoveryError } from '../errors.ts'
import { freePort } from '../testing/free-port.ts'
import { patroniSource } from './patroni.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** A REST interface on a port of its own, which counts its requests. */
async function rest(listener: RequestListener): Promise<{ url: string; port: number; paths: string[] }> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    listener(request, response)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, paths }
}

const cluster = (...hosts: readonly string[]) =>
  JSON.stringify({
    members: hosts.map((host) => ({ name: host, role: 'replica', state: 'running', host, port: 5432 })),
  })

const names =
  (...hosts: readonly string[]): RequestListener =>
  (_, response) =>
    response.end(cluster(...hosts))
const hangs: RequestListener = () => undefined

/** A port where nobody listens. */
const refused = async () => `http://127.0.0.1:${await freePort()}`

async function rejection(promise: Promise<unknown>): Promise<DiscoveryError> {
  const error: unknown = await promise.then(
    () => expect.unreachable('It did not reject.'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(DiscoveryError)
  return error as DiscoveryError
}

describe("Patroni's REST interface", () => {
  it('names the servers of the cluster', async () => {
    const { url, paths, port } = await rest(names('db1', 'db2'))
    const source = patroniSource([`${url}/`])
    expect(await source.find({ timeoutMs: 5000 })).toEqual([
      { host: 'db1', port: 5432 },
      { host: 'db2', port: 5432 },
    ])
    expect(paths).toEqual(['/cluster'])
    expect(source.about).toBe(`Patroni at http://127.0.0.1:${port}`)
  })

  it('may stand below a path', async () => {
    const { url, paths } = await rest(names('db1'))
    await patroniSource([`${url}/shop/`]).find({ timeoutMs: 5000 })
    expect(paths).toEqual(['/shop/cluster'])
  })

  it('gets the account of the URL, which no text shows', async () => {
    let authorization: string | undefined
    const { port } = await rest((request, response) => {
      authorization = request.headers.authorization
      response.statusCode = 401
      response.end()
    })
    const source = patroniSource([`http://app:s%C3%A9cret%3A1@127.0.0.1:${port}`])
    const error = await rejection(source.find({ timeoutMs: 5000 }))
    expect(authorization).toBe(`Basic ${Buffer.from('app:sécret:1').toString('base64')}`)
    expect(error.message).toContain('HTTP status 401 (it wants another account')
    for (const text of [error.message, inspect(error, { depth: 9 }), source.about, inspect(source, { depth: 9 })]) {
      expect(text).not.toMatch(/cret|YXBw/)
    }
  })
})

describe('several interfaces', () => {
  it('are asked one after the other as long as they fail, and the one that answered comes first afterwards', async () => {
    const failing = await rest((_, response) => {
      response.statusCode = 503
      response.end()
    })
    const well = await rest(names('db1'))
    const source = patroniSource([await refused(), failing.url, well.url])
    expect(await source.find({ timeoutMs: 5000 })).toHaveLength(1)
    expect(await source.find({ timeoutMs: 5000 })).toHaveLength(1)
    expect([failing.paths.length, well.paths.length]).toEqual([1, 2])
  })

  it('do not wait for one that hangs: the next one is asked after its share of the time', async () => {
    const hanging = await rest(hangs)
    const well = await rest(names('db1'))
    const source = patroniSource([hanging.url, well.url])
    const start = performance.now()
    expect(await source.find({ timeoutMs: 600 })).toHaveLength(1)
    expect(performance.now() - start).toBeGreaterThan(290)
    await source.find({ timeoutMs: 600 })
    expect([hanging.paths.length, well.paths.length]).toEqual([1, 2])
  })

  it('are all in the race: one that is slow may still win', async () => {
    const slow = await rest((_, response) => setTimeout(() => response.end(cluster('db1')), 600))
    const hanging = await rest(hangs)
    expect(await patroniSource([slow.url, hanging.url]).find({ timeoutMs: 1000 })).toEqual([
      { host: 'db1', port: 5432 },
    ])
    expect(hanging.paths).toHaveLength(1)
  })

  it('say each what went wrong if none has an answer in time', async () => {
    const hanging = await rest(hangs)
    const html = await rest((_, response) => response.end('<html>'))
    const closed = await refused()
    const error = await rejection(patroniSource([hanging.url, html.url, closed]).find({ timeoutMs: 300 }))
    expect(error.message).toContain(`http://127.0.0.1:${hanging.port}: no answer within 300 ms`)
    expect(error.message).toContain(`http://127.0.0.1:${html.port}: its answer is not JSON`)
    expect(error.message).toContain(`${closed}: connect ECONNREFUSED 127.0.0.1:`)
  })
})

describe('what is no answer', () => {
  const wrong: readonly (readonly [string, RequestListener, RegExp])[] = [
    ['a page of HTML', (_, response) => response.end('<!doctype html>'), /not JSON/],
    ['an error', (_, response) => response.writeHead(500).end('{"members":[]}'), /HTTP status 500/],
    ['no content', (_, response) => response.writeHead(204).end(), /HTTP status 204/],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /HTTP status 302 \(redirects are not followed\)/,
    ],
    ['more than 256 KiB', (_, response) => response.end(cluster('x'.repeat(1_000_000))), /longer than 262144 bytes/],
    ['half an answer', (_, response) => endEarly(response), /./],
    ['an answer that stops', (_, response) => void response.write('{"members":['), /no answer within 100 ms/],
    ['text that is not UTF-8', (_, response) => response.end(Buffer.from([0xff, 0xfe, 0x00])), /not JSON/],
  ]

  it.each(wrong)('%s rejects', async (_, listener, message) => {
    const { url } = await rest(listener)
    const error = await rejection(
      patroniSource([url]).find({ timeoutMs: message.test('no answer within 100 ms') ? 100 : 5000 }),
    )
    expect(error.message).toMatch(/^Patroni named no servers\. http:\/\/127\.0\.0\.1:\d+: \S/)
    expect(error.message).toMatch(message)
  })

  it('from a fetch that heeds no signal rejects in time, too', async () => {
    const deaf = () => new Promise<Response>(() => undefined)
    const error = await rejection(patroniSource(['http://db1:8008'], deaf).find({ timeoutMs: 5 }))
    expect(error.message).toContain('no answer within 5 ms')
  })
})

function endEarly(response: Parameters<RequestListener>[1]): void {
  response.writeHead(200, { 'content-length': '1000' })
  response.write('{"members":')
  setImmediate(() => response.destroy())
}

describe('URLs', () => {
  it.each([
    ['none', []],
    ['one that is none', ['http://app:s3cret@']],
    ['one of another protocol', ['postgres://app:s3cret@db1/shop']],
    ['a host alone', ['10.0.0.1:8008']],
  ])('%s: a ConfigError without what was given', (_, urls) => {
    let thrown: unknown
    try {
      patroniSource(urls)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigError)
    expect(inspect(thrown)).not.toContain('s3cret')
  })
})
