import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { readingSockets } from './reading-socket.ts'

async function listening(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

it('give what was sent, each piece for itself, and end', async () => {
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))
  const port = await listening((socket) => {
    socket.write(sent.subarray(0, 7))
    setTimeout(() => socket.end(sent.subarray(7)), 20)
  })
  const make = readingSockets()
  const read = async (): Promise<readonly Buffer[]> => {
    const pieces: Buffer[] = []
    const socket = make()
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.connect(port, '127.0.0.1')
    await once(socket, 'close')
    return pieces
  }
  // Two at a time read into one buffer.
  for (const pieces of await Promise.all([read(), read()])) {
    expect(pieces[0]).toHaveLength(7)
    expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  }
})

it('wait when they are told to', async () => {
  let other: Socket | undefined
  const port = await listening((from) => {
    other = from
    from.write('one')
  })
  const socket = readingSockets()()
  let heard = ''
  socket.on('data', (piece: Buffer) => {
    heard += piece.toString()
    socket.pause()
  })
  socket.connect(port, '127.0.0.1')
  await expect.poll(() => heard).toBe('one')
  other?.write('two')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(heard).toBe('one')
  socket.resume()
  await expect.poll(() => heard).toBe('onetwo')
  const closed = once(socket, 'close')
  other?.destroy()
  socket.resume()
  await closed
})
