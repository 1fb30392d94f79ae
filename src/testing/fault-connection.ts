import type { Socket } from 'node:net'
import { TestServerError } from '../errors.ts'
import { BytePattern } from './byte-pattern.ts'
import { checkFault, type Direction, type Fault } from './fault.ts'

/** Above this many bytes on their way in one direction, the sender has to wait. */
const maxPendingBytes = 1 << 20

interface Lane {
  readonly direction: Direction
  readonly from: Socket
  readonly to: Socket
  /** Ends when all that came so far is handed on. */
  queue: Promise<void>
  pending: number
  delivered: number
  swallowed: number
}

interface Watcher {
  readonly direction: Direction
  readonly pattern: BytePattern
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** One client's connection through a `FaultProxy`. */
export class FaultConnection {
  /** Counted from 1 in the order of arrival. */
  readonly id: number
  /** Resolves when both sides of the connection are closed, whatever closed them. */
  readonly closed: Promise<void>
  /** Resolves when the proxy cuts the connection because of its fault, or `reset()`. Stays open if it never does. */
  readonly cut: Promise<void>
  readonly #lanes: Record<Direction, Lane>
  readonly #sockets: readonly [client: Socket, server: Socket]
  readonly #watchers = new Set<Watcher>()
  readonly #reportCut: () => void
  #fault: Fault = { kind: 'pass' }
  #pattern: BytePattern | undefined
  #bytesLeft = Infinity
  #cutOnAnswer = false
  #isCut = false

  constructor(id: number, client: Socket, server: Socket, fault: Fault) {
    this.id = id
    this.#sockets = [client, server]
    const empty = { queue: Promise.resolve(), pending: 0, delivered: 0, swallowed: 0 }
    this.#lanes = {
      'to-server': { ...empty, direction: 'to-server', from: client, to: server },
      'to-client': { ...empty, direction: 'to-client', from: server, to: client },
    }
    const cut = Promise.withResolvers<void>()
    this.cut = cut.promise
    this.#reportCut = cut.resolve
    this.closed = Promise.all(this.#sockets.map((socket) => closing(socket))).then(() => this.#endWatchers())
    this.apply(fault)
    this.#open(this.#lanes['to-server'])
    this.#open(this.#lanes['to-client'])
  }

  get fault(): Fault {
    return this.#fault
  }

  /** Bytes handed on so far. */
  delivered(direction: Direction): number {
    return this.#lanes[direction].delivered
  }

  /** Bytes that arrived and will never be handed on. */
  swallowed(direction: Direction): number {
    return this.#lanes[direction].swallowed
  }

  /**
   * Changes the fault of this connection alone. Bytes that were swallowed are gone for good: a connection that was a
   * black hole stays useless, as one that has lost bytes is in real life.
   *
   * @throws RangeError if a number of the fault is out of range.
   */
  apply(fault: Fault): void {
    checkFault(fault)
    this.#pattern = fault.kind === 'cut-on' ? new BytePattern(fault.pattern) : undefined
    this.#bytesLeft = fault.kind === 'cut-after' ? fault.bytes : Infinity
    this.#cutOnAnswer = false
    this.#fault = fault
  }

  /**
   * Resolves when this text or these bytes have arrived at the proxy, from now on, whether or not they are handed on.
   *
   * @throws TestServerError if the connection closes before.
   */
  async seen(pattern: string | Uint8Array, direction: Direction = 'to-server'): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#watchers.add({ direction, pattern: new BytePattern(pattern), resolve, reject })
    if (this.#sockets.every((socket) => socket.closed)) this.#endWatchers()
    await promise
  }

  /** Breaks both sides of the connection at once: each peer gets ECONNRESET. */
  reset(): void {
    this.#isCut = true
    for (const socket of this.#sockets) breakOff(socket)
    this.#reportCut()
  }

  #open(lane: Lane): void {
    lane.from.on('data', (chunk: Buffer) => this.#arrived(lane, chunk))
    lane.from.on('end', () => {
      lane.queue = this.#ended(lane, lane.queue)
    })
    // What breaks on one side breaks on the other, unless this is a black hole, where nobody learns anything.
    lane.from.on('error', () => undefined)
    lane.from.on('close', (hadError) => {
      if (hadError && !this.#isCut && !this.#swallows(lane.direction)) breakOff(lane.to)
    })
  }

  #arrived(lane: Lane, chunk: Buffer): void {
    for (const watcher of this.#watchers) {
      if (watcher.direction !== lane.direction || !watcher.pattern.endsIn(chunk)) continue
      this.#watchers.delete(watcher)
      watcher.resolve()
    }
    lane.pending += chunk.length
    if (lane.pending > maxPendingBytes) lane.from.pause()
    const due = performance.now() + (this.#fault.kind === 'delay' ? this.#fault.ms : 0)
    lane.queue = this.#proceed(lane, chunk, due, lane.queue)
  }

  async #proceed(lane: Lane, chunk: Buffer, due: number, before: Promise<void>): Promise<void> {
    await before
    const wait = due - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    await this.#handOn(lane, chunk)
    lane.pending -= chunk.length
    if (lane.pending <= maxPendingBytes) lane.from.resume()
  }

  async #ended(lane: Lane, before: Promise<void>): Promise<void> {
    await before
    if (!this.#swallows(lane.direction) && !this.#isCut && !lane.to.destroyed) lane.to.end()
  }

  async #handOn(lane: Lane, chunk: Buffer): Promise<void> {
    if (this.#isCut || this.#swallows(lane.direction)) {
      lane.swallowed += chunk.length
      return
    }
    if (lane.direction === 'to-client' && this.#cutOnAnswer) {
      lane.swallowed += chunk.length
      this.#cutOff(lane)
      return
    }
    const fault = this.#fault
    if (fault.kind === 'cut-after' && fault.direction === lane.direction) {
      const part = chunk.subarray(0, this.#bytesLeft)
      this.#bytesLeft -= part.length
      lane.swallowed += chunk.length - part.length
      await this.#write(lane, part)
      if (this.#bytesLeft === 0) this.#cutOff(lane)
      return
    }
    const found = lane.direction === 'to-server' && this.#pattern?.endsIn(chunk) === true
    if (!found || fault.kind !== 'cut-on') return this.#write(lane, chunk)
    if (fault.moment === 'before') {
      lane.swallowed += chunk.length
      this.#cutOff(lane)
      return
    }
    this.#cutOnAnswer = fault.moment === 'answered'
    await this.#write(lane, chunk)
    if (fault.moment === 'delivered') this.#cutOff(lane)
  }

  #swallows(direction: Direction): boolean {
    return this.#fault.kind === 'black-hole' || (this.#fault.kind === 'half-open' && direction === 'to-client')
  }

  async #write(lane: Lane, chunk: Buffer): Promise<void> {
    if (chunk.length === 0 || lane.to.destroyed || lane.to.writableEnded) return
    lane.delivered += chunk.length
    // The callback comes when the system has taken the bytes; an error there is reported by 'close'.
    await new Promise<void>((resolve) => lane.to.write(chunk, () => resolve()))
  }

  /**
   * The side that got bytes last sees an orderly end behind them, because a reset could overtake them; the other side
   * sees the connection break.
   */
  #cutOff(lane: Lane): void {
    this.#isCut = true
    const receiver = lane.direction === 'to-client' && !this.#cutOnAnswer ? this.#sockets[0] : this.#sockets[1]
    for (const socket of this.#sockets) {
      if (socket !== receiver) breakOff(socket)
      else if (!socket.destroyed) socket.end()
    }
    this.#reportCut()
  }

  #endWatchers(): void {
    for (const watcher of this.#watchers) {
      watcher.reject(new TestServerError(`Connection ${this.id} closed before the awaited bytes arrived.`))
    }
    this.#watchers.clear()
  }
}

async function closing(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

/**
 * RST if the connection stands, so that the peer gets ECONNRESET; otherwise there is nobody to tell. One whose end is just being
 * sent can't be reset: libuv refuses (EINVAL), and Node.js (24) then never closes it.
 */
function breakOff(socket: Socket): void {
  if (socket.destroyed) return
  const isEnding = socket.writableEnded && !socket.writableFinished
  if (socket.connecting || socket.pending || isEnding) socket.destroy()
  else socket.resetAndDestroy()
}
