import { Socket } from 'node:net'

/** What Node.js itself makes room for at each read. */
const roomBytes = 65_536

/** Makes sockets for connections of one pool. */
export type MakeSocket = () => Socket

/**
 * Sockets that read into one buffer, and give away as much as has come: Node.js makes a buffer of 64 kB for each read otherwise, cuts it down
 * to the few hundred bytes of an answer, and takes each through its machinery of streams. Whoever listens hears of data as ever.
 */
export function readingSockets(): MakeSocket {
  const room = Buffer.allocUnsafeSlow(roomBytes)
  return () => {
    const socket: Socket = new Socket({
      onread: {
        buffer: room,
        callback: (bytes) => {
          const data = Buffer.allocUnsafe(bytes)
          room.copy(data, 0, 0, bytes)
          socket.emit('data', data)
          return true
        },
      },
    })
    return socket
  }
}
