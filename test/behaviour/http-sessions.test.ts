import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sessionHandler, type HttpSessionOptions } from '../../src/adapters/http/node.ts'
import { fastifyAround, startApp, type App, type Routes } from '../support/http-apps.ts'
import { CookieJar } from '../support/cookie-jar.ts'
import { RecordingHost } from '../support/recording-host.ts'

const attributes = 'Path=/; SameSite=Lax; HttpOnly'
/** A cookie with the token, under a name of its own. */
const due = (token: string): unknown =>
  expect.stringMatching(new RegExp(`^signalbox\\.[\\w-]{8}=${token}; Max-Age=30; ${attributes}$`))
const json = { 'content-type': 'application/json' }
let host: RecordingHost
let together: { arrive(): Promise<void> }

beforeEach(() => {
  host = new RecordingHost()
  together = rendezvous(20)
})

/** Lets nobody go on before so many have come. */
function rendezvous(count: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let here = 0
  return {
    arrive(): Promise<void> {
      here += 1
      if (here === count) resolve()
      return promise
    },
  }
}

async function* chunks(last?: () => Promise<void>): AsyncGenerator<string> {
  for (let index = 0; index < 50; index += 1) {
    yield String(index % 10).repeat(1_000)
    await setImmediate()
  }
  await last?.()
}

/** A body that arrives bit by bit, so that its end comes when the connection has something, not when a reader asks. */
function inPieces(text: string): ReadableStream<Uint8Array> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text)
    for (let start = 0; start < bytes.length; start += 10_000) {
      yield bytes.subarray(start, start + 10_000)
      for (let turn = 0; turn < 20; turn += 1) await setImmediate()
    }
  }
  return ReadableStream.from(pieces())
}

const routes: Routes = {
  'GET /write': async () => {
    await host.write()
    return { body: 'written' }
  },
  'GET /read': async () => ({ body: JSON.stringify(host.start) }),
  'POST /read': async (body) => ({ body: JSON.stringify({ body, start: host.start }) }),
  'POST /write': async (body) => {
    await host.write()
    return { body: JSON.stringify(body) }
  },
  'GET /fail': async () => {
    await host.write()
    throw new Error('after the write')
  },
  'GET /refuse': async () => {
    await host.write()
    return { status: 404, body: 'no' }
  },
  'GET /redirect': async () => {
    await host.write()
    return { status: 303, location: '/read' }
  },
  'GET /empty': async () => {
    await host.write()
    return { status: 204 }
  },
  'GET /unchanged': async () => {
    await host.write()
    return { status: 304 }
  },
  'GET /cookie': async () => {
    await host.write()
    return { cookie: 'mine=1; Path=/', body: 'written' }
  },
  'GET /stream': async () => {
    await host.write()
    return { body: chunks() }
  },
  'GET /late': async () => ({ body: chunks(() => host.write()) }),
  'GET /together': async () => {
    const before = host.start.token
    await together.arrive()
    await host.write()
    return { body: JSON.stringify([before, host.start.token]) }
  },
}

async function get(app: App, path: string, init: RequestInit = {}) {
  const response = await fetch(app.url + path, { redirect: 'manual', ...init })
  return {
    status: response.status,
    cookies: response.headers.getSetCookie(),
    header: response.headers.get('x-signalbox'),
    location: response.headers.get('location'),
    text: await response.text(),
  }
}

describe.each(Object.entries(startApp))('sessions of %s', (_, start) => {
  const started = (options?: HttpSessionOptions): Promise<App> => start(host, routes, options)

  it('answer a GET that writes with a token, and the next request begins with it', async () => {
    await using app = await started()
    expect(await get(app, '/write')).toMatchObject({ status: 200, cookies: [due('written-1')], text: 'written' })
    const next = await get(app, '/read', { headers: { cookie: 'a=b; signalbox.abcdefgh=written-1' } })
    expect(JSON.parse(next.text)).toEqual({ token: ['written-1'] })
    expect(next.cookies).toEqual([`signalbox.abcdefgh=written-1; Max-Age=30; ${attributes}`])
  })

  it('answer a POST that does not write with none, and are active behind the parser of its body', async () => {
    await using app = await started()
    const body = JSON.stringify({ text: 'x'.repeat(100_000) })
    const post = { method: 'POST', headers: json, duplex: 'half' } as const
    const answer = await get(app, '/read', { ...post, body: inPieces(body) })
    expect(answer).toMatchObject({ status: 200, cookies: [], header: null })
    expect(JSON.parse(answer.text)).toMatchObject({ body: JSON.parse(body), start: {} })
    const written = await get(app, '/write', { ...post, body: inPieces(body) })
    expect(written).toMatchObject({ status: 200, cookies: [due('written-1')], text: body })
  })

  it('answer with a token after a write although the request failed', async () => {
    await using app = await started()
    expect(await get(app, '/fail')).toMatchObject({ status: 500, cookies: [due('written-1')] })
    expect(await get(app, '/refuse')).toMatchObject({ status: 404, cookies: [due('written-2')], text: 'no' })
  })

  it('remove the token once every replica has caught up, and one that is garbage', async () => {
    await using app = await started()
    host.caughtUp = true
    for (const token of ['written-1', 'x'.repeat(4_001)]) {
      const answer = await get(app, '/read', { headers: { cookie: `signalbox.abcdefgh=${token}` } })
      expect(answer.cookies).toEqual([`signalbox.abcdefgh=; Max-Age=0; ${attributes}`])
    }
    expect(host.starts.map(({ token }) => token)).toEqual([['written-1'], undefined])
  })

  it('carry it on redirects, without a body, and to HEAD', async () => {
    await using app = await started()
    expect(await get(app, '/redirect')).toMatchObject({
      status: 303,
      location: '/read',
      cookies: [due('written-1')],
    })
    expect(await get(app, '/empty')).toMatchObject({ status: 204, cookies: [due('written-2')], text: '' })
    expect(await get(app, '/unchanged')).toMatchObject({ status: 304, cookies: [due('written-3')], text: '' })
    expect(await get(app, '/write', { method: 'HEAD' })).toMatchObject({ status: 200, cookies: [due('written-4')] })
  })

  it('keep the cookies that are there', async () => {
    await using app = await started()
    expect(await get(app, '/cookie')).toMatchObject({ cookies: ['mine=1; Path=/', due('written-1')], text: 'written' })
  })

  it('leave streams whole, and cannot carry what is written after their beginning', async () => {
    await using app = await started()
    const whole = (await Array.fromAsync(chunks())).join('')
    expect(await get(app, '/stream')).toMatchObject({ cookies: [due('written-1')], text: whole })
    expect(await get(app, '/late')).toMatchObject({ cookies: [], text: whole })
  })

  it('of concurrent requests know nothing of each other', async () => {
    await using app = await started()
    const tokens = Array.from({ length: 20 }, (_, index) => `t${index}`)
    const answers = await Promise.all(
      tokens.map((token) => get(app, '/together', { headers: { cookie: `signalbox.${token}=${token}` } })),
    )
    expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual(tokens.map((token) => [[token], [token]]))
    for (const [index, { cookies }] of answers.entries())
      expect(cookies).toEqual([`signalbox.t${index}=; Max-Age=0; ${attributes}`, due(String.raw`written-\d+`)])
  })

  it('of overlapping requests lose no write, in whatever order their responses come', async () => {
    await using app = await started()
    const jar = new CookieJar()
    const sent = (path: string) => get(app, path, { headers: { cookie: jar.header } })
    jar.take(await sent('/write'))
    // A page that reads and writes at the same time: both bring the token of before.
    host.caughtUp = true
    const [reading, writing] = await Promise.all([sent('/read'), sent('/write')])
    for (const order of [
      [reading, writing],
      [writing, reading],
    ]) {
      const after = new CookieJar(jar)
      for (const answer of order) after.take(answer)
      expect(after.values).toEqual(['written-2'])
    }
    // Two that write: the next request has both tokens, and leaves one.
    const both = [await sent('/write'), await sent('/write')]
    for (const answer of both) jar.take(answer)
    expect(jar.values.toSorted()).toEqual(['written-3', 'written-4'])
    host.caughtUp = false
    jar.take(await sent('/read'))
    expect(jar.values.map((value) => value.split('+').toSorted())).toEqual([['written-3', 'written-4']])
    host.caughtUp = true
    jar.take(await sent('/read'))
    expect(jar.values).toEqual([])
  })

  it('travel in a header instead', async () => {
    await using app = await started({ cookie: false, header: 'X-Signalbox' })
    expect(await get(app, '/write')).toMatchObject({ cookies: [], header: 'written-1' })
    const headers = { 'x-signalbox': 'written-1', cookie: 'signalbox.abcdefgh=other' }
    const next = await get(app, '/read', { headers })
    expect(next).toMatchObject({ cookies: [], header: 'written-1' })
    expect(JSON.parse(next.text)).toEqual({ token: ['written-1'] })
    host.caughtUp = true
    expect(await get(app, '/read', { headers })).toMatchObject({ cookies: [], header: '' })
  })

  it('go out without a token that cannot be had, and say so', async () => {
    const onError = vi.fn()
    await using app = await started({ onError, tokenTimeoutMs: 20 })
    const headers = { cookie: 'signalbox.abcdefgh=t' }
    host.token = () => Promise.reject(new Error('the primary is away'))
    expect(await get(app, '/write', { headers })).toMatchObject({ status: 200, cookies: [], text: 'written' })
    host.token = () => new Promise(() => {})
    expect(await get(app, '/write', { headers })).toMatchObject({ status: 200, cookies: [], text: 'written' })
    host.token = () => Promise.resolve('a;b')
    expect(await get(app, '/write', { headers })).toMatchObject({ status: 200, cookies: [], text: 'written' })
    expect(onError.mock.calls.flat().map(String)).toEqual([
      'Error: the primary is away',
      "Error: The session's token was not known after 20 ms.",
      expect.stringContaining('A token of 3 characters cannot be carried'),
    ])
  })

  it('pin by method where there are no positions', async () => {
    await using app = await started({ pinning: { optOut: ['/read'] } })
    const pinned = ['signalbox_pin=y; Max-Age=15; Path=/; SameSite=Lax; HttpOnly']
    const body = '{}'
    expect(await get(app, '/read')).toMatchObject({ cookies: [], text: '{"primary":false}' })
    expect(await get(app, '/write')).toMatchObject({ cookies: pinned })
    expect(await get(app, '/fail')).toMatchObject({ status: 500, cookies: pinned })
    expect(await get(app, '/write', { method: 'POST', headers: json, body })).toMatchObject({ cookies: pinned })
    expect(await get(app, '/read', { method: 'POST', headers: json, body })).toMatchObject({ cookies: [] })
    const next = await get(app, '/read', { headers: { cookie: 'signalbox_pin=y' } })
    expect(next).toMatchObject({ cookies: [], text: '{"primary":true}' })
  })
})

it('the session is active in listeners of Fastify’s raw request', async () => {
  await using app = await fastifyAround(host, (server) => {
    server.addContentTypeParser('text/plain', (_request, _payload, done) => done(null))
    server.post('/', (request, reply) => {
      request.raw.on('end', () => void host.write().then(() => reply.send('ok'), reply.send.bind(reply))).resume()
    })
  })
  const post = { method: 'POST', headers: { 'content-type': 'text/plain' }, duplex: 'half' } as const
  const answer = await get(app, '/', { ...post, body: inPieces('x'.repeat(50_000)) })
  expect(answer).toMatchObject({ status: 200, cookies: [due('written-1')], text: 'ok' })
})

describe('the head of a response of node:http', () => {
  /** What a client sees of a handler that has the response to itself, after a write. */
  async function answered(handle: (response: ServerResponse) => void) {
    const handler = async (_: unknown, response: ServerResponse): Promise<void> => {
      await host.write()
      handle(response)
    }
    const server = createServer(sessionHandler(host, handler)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const sent = httpRequest({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }).end()
    try {
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      const text = (await Array.fromAsync(response, String)).join('')
      const { statusCode, statusMessage, headers } = response
      return { status: statusCode, message: statusMessage, headers, text }
    } finally {
      server.close()
      server.closeAllConnections()
    }
  }

  it.each<[string, (response: ServerResponse) => void]>([
    ['flushHeaders', (response) => (response.flushHeaders(), response.end('ok'))],
    ['write', (response) => (response.write('o'), response.end('k'))],
    ['end', (response) => response.end('ok')],
    ['end with a call-back', (response) => response.end('b2s=', 'base64', () => {})],
    ['writeHead', (response) => response.writeHead(200).end('ok')],
    ['writeHead in pairs', (response) => response.writeHead(200, ['X-A', '1', 'x-a', '2']).end('ok')],
  ])('has the token if it is sent by %s', async (_, handle) => {
    const { status, headers, text } = await answered(handle)
    expect({ status, cookie: headers['set-cookie'], text }).toEqual({
      status: 200,
      cookie: [due('written-1')],
      text: 'ok',
    })
  })

  it('keeps status, reason and headers, also cookies that are given last', async () => {
    const { status, message, headers } = await answered((response) => {
      response.setHeader('set-cookie', 'replaced=1')
      response.setHeader('x-a', '1')
      response.writeHead(201, 'Made', { 'set-cookie': ['a=1', 'b=2'], 'X-B': 2, 'content-length': 2 }).end('ok')
    })
    expect({ status, message }).toEqual({ status: 201, message: 'Made' })
    expect(headers).toMatchObject({ 'x-a': '1', 'x-b': '2', 'content-length': '2' })
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2', due('written-1')])
  })

  it('cannot be changed while the token is awaited, and looks sent', async () => {
    const seen: unknown[] = []
    const { status, headers, text } = await answered((response) => {
      response.statusCode = 202
      response.end('ok')
      seen.push(response.headersSent, response.writableEnded)
      for (const late of [
        () => response.setHeader('x-late', '1'),
        () => response.appendHeader('x-late', '1'),
        () => response.removeHeader('x-late'),
        () => response.writeHead(500),
      ])
        expect(late).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      response.statusCode = 500
    })
    expect({ status, text, late: headers['x-late'], seen }).toEqual({
      status: 202,
      text: 'ok',
      late: undefined,
      seen: [true, true],
    })
  })

  it('is refused at once if it is wrong, and another can be sent', async () => {
    const { status, headers } = await answered((response) => {
      expect(() => response.writeHead(200, { 'x-a': 'a\r\nb' })).toThrow(/x-a/)
      expect(() => response.writeHead(99)).toThrow(RangeError)
      expect(() => response.end(7)).toThrow(TypeError)
      expect(response.headersSent).toBe(false)
      response.writeHead(500).end()
    })
    expect([status, headers['set-cookie']]).toEqual([500, [due('written-1')]])
  })

  it('is found by those who hook it as well', async () => {
    const { headers } = await answered((response) => {
      // What packages for sessions and compression do.
      const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse
      response.writeHead = (...given: unknown[]) => {
        response.setHeader('set-cookie', [response.getHeader('set-cookie') ?? [], 'theirs=1'].flat().map(String))
        return writeHead(...given)
      }
      response.end('ok')
    })
    expect(headers['set-cookie']?.toSorted()).toEqual([due('written-1'), 'theirs=1'])
  })

  it('does not wait if there is nothing to wait for', async () => {
    const server = createServer(
      sessionHandler(host, (_, response) => {
        response.writeHead(200, { 'x-a': '1' })
        // Sent, and not only looking so.
        response.end(String(Object.hasOwn(response, 'headersSent')))
      }),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect([await response.text(), response.headers.get('x-a')]).toEqual(['false', '1'])
    server.close()
    server.closeAllConnections()
  })
})
