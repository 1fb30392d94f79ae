import { Socket } from 'node:net'
import { vi } from 'vitest'

/** What goes out to a port until `vi.restoreAllMocks()`, one text for each write. */
export function writesTo(port: number, textOf = (bytes: Buffer): string => bytes.toString('latin1')): string[] {
  const writes: string[] = []
  const note = (socket: Socket, ...chunks: readonly Uint8Array[]): void => {
    if (socket.remotePort === port) writes.push(textOf(Buffer.concat(chunks)))
  }
  const prototype = Socket.prototype as unknown as Record<'_write' | '_writev', (...given: readonly unknown[]) => void>
  const bare = { ...prototype, _write: prototype['_write'], _writev: prototype['_writev'] }
  vi.spyOn(prototype, '_write').mockImplementation(function (this: Socket, ...given) {
    note(this, given[0] as Uint8Array)
    bare['_write'].apply(this, given)
  })
  vi.spyOn(prototype, '_writev').mockImplementation(function (this: Socket, ...given) {
    note(this, ...(given[0] as readonly { readonly chunk: Uint8Array }[]).map(({ chunk }) => chunk))
    bare['_writev'].apply(this, given)
  })
  return writes
}
