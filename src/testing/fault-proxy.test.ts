import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BytePattern } from './byte-pattern.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { freePort } from './free-port.ts'

/** A server that answers with what it gets, and keeps it. */
interface Echo {
  readonly server: Server
  readonly port: number
  readonly sockets: Socket[]
  readonly received: string[]
}

let echo: Echo
let proxy: FaultProxy
const clients: Socket[] = []

beforeEach(async () => {
  echo = await startEcho()
  proxy = await startFaultProxy({ host: '127.0.0.1', port: echo.port })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  for (const socket of echo.sockets) socket.destroy()
  echo.server.close()
})

async function startEcho(): Promise<Echo> {
  const sockets: Socket[] = []
  const received: string[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      received.push(chunk.toString())
      socket.write(chunk)
    })
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, port, sockets, received }
}

async function dial(): Promise<Socket> {
  const client = connect(proxy.port, proxy.host)
  clients.push(client)
  await once(client, 'connect')
  return client
}

/** Reads until this much text has come. */
async function read(client: Socket, length: number): Promise<string> {
  let text = ''
  while (text.length < length) text += String((await once(client, 'data'))[0])
  return text
}

async function say(client: Socket, text: string): Promise<string> {
  client.write(text)
  return read(client, text.length)
}

async function failure(client: Socket): Promise<string | undefined> {
  const [error] = await once(client, 'error')
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

test('hands everything on, both ways, and counts', async () => {
  const accepted = proxy.nextConnection()
  const client = await dial()
  const connection = await accepted
  expect(await say(client, 'hello')).toBe('hello')
  const big = 'x'.repeat(3_000_000)
  expect((await say(client, big)) === big).toBe(true)
  expect(connection.id).toBe(1)
  expect(connection.delivered('to-server')).toBe(3_000_005)
  expect(connection.delivered('to-client')).toBe(3_000_005)
  client.end()
  await connection.closed
  expect(proxy.connections).toEqual([])
  expect(proxy.accepted).toBe(1)
})

test('an end travels through in order, behind the last bytes', async () => {
  const client = await dial()
  proxy.apply({ kind: 'delay', ms: 20 })
  client.write('last words')
  client.end()
  expect(await read(client, 10)).toBe('last words')
  await once(client, 'end')
})

test('a connection that breaks in the moment in which it ends is closed, too', async () => {
  const client = await dial()
  const other = await dial()
  await say(client, 'hello')
  await say(other, 'hello')
  const [ending, talking] = proxy.connections
  client.on('error', () => undefined)
  // In one turn of the event loop: the end arrives and is handed on, then the other's byte, and the connection breaks.
  const broken = talking?.seen('x').then(() => ending?.reset())
  client.once('finish', () => other.write('x'))
  client.end()
  await broken
  await ending?.closed
  expect(proxy.connections).toEqual([talking])
})

test('a server that resets, and one that is down, look so through the proxy', async () => {
  const client = await dial()
  await say(client, 'hello')
  const failed = failure(client)
  echo.sockets[0]?.resetAndDestroy()
  expect(await failed).toBe('ECONNRESET')
  echo.server.close()
  const second = await dial()
  expect(await failure(second)).toBe('ECONNRESET')
})

test('refuses new connections, keeps open ones, accepts again on the same port', async () => {
  const client = await dial()
  await say(client, 'one')
  proxy.refuse()
  const refused = connect(proxy.port, proxy.host)
  expect(await failure(refused)).toBe('ECONNREFUSED')
  expect(await say(client, 'two')).toBe('two')
  await proxy.accept()
  expect(await say(await dial(), 'three')).toBe('three')
})

test('reset breaks every connection on both sides', async () => {
  const all = [await dial(), await dial()]
  for (const client of all) await say(client, 'hello')
  const failures = all.map(failure)
  const atServer = echo.sockets.map(failure)
  const cuts = proxy.connections.map((connection) => connection.cut)
  expect(proxy.reset()).toBe(2)
  expect(await Promise.all(failures)).toEqual(['ECONNRESET', 'ECONNRESET'])
  expect(await Promise.all(atServer)).toEqual(['ECONNRESET', 'ECONNRESET'])
  await Promise.all(cuts)
})

describe('black hole', () => {
  test('swallows what open connections send, and lets only other connections live again', async () => {
    const client = await dial()
    await say(client, 'before')
    const [connection] = proxy.connections
    if (connection === undefined) throw new Error('no connection')
    connection.apply({ kind: 'black-hole' })
    client.write('lost')
    await connection.seen('lost')
    expect(await say(await dial(), 'another')).toBe('another')
    expect(connection.swallowed('to-server')).toBe(4)
    expect(echo.received).toEqual(['before', 'another'])
  })

  test('accepts new connections, and neither data nor an end reaches the server', async () => {
    proxy.apply({ kind: 'black-hole' })
    const accepted = proxy.nextConnection()
    const client = await dial()
    const connection = await accepted
    client.write('lost')
    await connection.seen('lost')
    expect(echo.sockets).toEqual([])
    const failed = failure(client)
    proxy.reset()
    expect(await failed).toBe('ECONNRESET')
    await connection.closed
  })
})

test('half-open: the server gets everything, the client nothing', async () => {
  const client = await dial()
  await say(client, 'before')
  proxy.apply({ kind: 'half-open' })
  const [connection] = proxy.connections
  const answered = connection?.seen('question', 'to-client')
  client.write('question')
  await answered
  expect(echo.received).toEqual(['before', 'question'])
  expect(connection?.delivered('to-client')).toBe('before'.length)
  expect(client.bytesRead).toBe('before'.length)
})

test('delay: each way takes its time, chunks of one direction overlap and stay in order', async () => {
  const client = await dial()
  await say(client, 'warm')
  proxy.apply({ kind: 'delay', ms: 60 })
  const start = performance.now()
  client.write('a')
  await proxy.connections[0]?.seen('a')
  proxy.apply({ kind: 'delay', ms: 30 })
  client.write('b')
  expect(await read(client, 2)).toBe('ab')
  expect(performance.now() - start).toBeGreaterThanOrEqual(89)
})

test.each([
  ['to-server', 5, 'hello', ''],
  ['to-server', 0, '', ''],
  ['to-client', 3, 'hello world', 'hel'],
] as const)('cut after bytes: %s after %i', async (direction, bytes, atServer, atClient) => {
  proxy.apply({ kind: 'cut-after', direction, bytes })
  const accepted = proxy.nextConnection()
  const client = await dial()
  const connection = await accepted
  let text = ''
  client.on('data', (chunk) => (text += chunk.toString()))
  client.on('error', () => undefined)
  const closed = once(client, 'close').catch(() => undefined)
  client.write('hello world')
  await connection.cut
  await closed
  await connection.closed
  expect(echo.received.join('')).toBe(atServer)
  expect(text).toBe(atClient)
})

describe('cut on a pattern', () => {
  test.each([
    ['before', ['begin;']],
    ['delivered', ['begin;', 'COMMIT']],
    ['answered', ['begin;', 'COMMIT']],
  ] as const)('%s', async (moment, received) => {
    const client = await dial()
    const [connection] = proxy.connections
    proxy.apply({ kind: 'cut-on', pattern: 'COMMIT', moment })
    expect(await say(client, 'begin;')).toBe('begin;')
    const failed = failure(client)
    const answered = connection?.cut.then(() => connection.swallowed('to-client'))
    client.write('COMMIT')
    expect(await failed).toBe('ECONNRESET')
    expect(await answered).toBe(moment === 'answered' ? 'COMMIT'.length : 0)
    await connection?.closed
    expect(echo.received).toEqual(received)
    expect(connection?.delivered('to-client')).toBe('begin;'.length)
  })

  test('a pattern is found across chunks, not in pieces', () => {
    const pattern = new BytePattern('COMMIT')
    expect(['x CO', 'MM', 'I', 'Tx'].map((text) => pattern.endsIn(Buffer.from(text)))).toEqual([
      false,
      false,
      false,
      true,
    ])
    expect(pattern.endsIn(Buffer.from('COMM'))).toBe(false)
    expect(pattern.endsIn(Buffer.from('XIT'))).toBe(false)
    expect(() => new BytePattern('')).toThrow(RangeError)
  })
})

test('awaiting bytes fails when the connection closes', async () => {
  const client = await dial()
  await say(client, 'hello')
  const [connection] = proxy.connections
  const seen = connection?.seen('never')
  client.destroy()
  await expect(seen).rejects.toThrow('Connection 1 closed before the awaited bytes arrived')
})

test('wrong numbers throw and change nothing', () => {
  expect(() => proxy.apply({ kind: 'delay', ms: -1 })).toThrow(RangeError)
  expect(() => proxy.apply({ kind: 'delay', ms: Number.NaN })).toThrow(RangeError)
  expect(() => proxy.apply({ kind: 'cut-after', direction: 'to-server', bytes: 1.5 })).toThrow(RangeError)
  expect(proxy.fault).toEqual({ kind: 'pass' })
})

test('a data source name leads through the proxy', () => {
  expect(proxy.through('postgres://user:p%40ss@127.0.0.1:1/db?x=1')).toBe(
    `postgres://user:p%40ss@127.0.0.1:${proxy.port}/db?x=1`,
  )
})
