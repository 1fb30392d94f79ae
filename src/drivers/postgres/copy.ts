import { once } from 'node:events'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import type { Submittable } from 'pg'
import type { SignalboxError } from '../../errors.ts'
import type { CopyBlock, DriverRequest } from '../driver.ts'
import { expiry, isLimited, Watch } from './call.ts'
import type { Connection } from './connection.ts'
import { CopyFrames } from './copy-frames.ts'
import { queryError } from './errors.ts'
import { internalsOf, type NativeAnswer, type CopyWire, type NativeQueryClass, type WireStream } from './native.ts'

/** Bytes that may wait for their reader before the server has to. */
const mostWaiting = 1_048_576

/** Blocks that are written between two turns of the event loop. */
const blocksInTurn = 16

/**
 * The data of `COPY … TO STDOUT`, on a connection that is ready and stays the caller's. The bytes go past `pg`, which would make an event of each row.
 *
 * The time limit holds for the whole of it. Leaving the loop early cancels the statement.
 */
export async function* copyOut(
  connection: Connection,
  request: DriverRequest,
  address: string,
): AsyncGenerator<CopyBlock, void, undefined> {
  const { stream } = wireOf(connection)
  const blocks = new BlockQueue(stream)
  const restore = divert(stream, blocks)
  const watch = isLimited(request)
    ? new Watch(request, (reason) => {
        connection.cancel()
        blocks.fail(expiry(reason, request, 'running', true))
      })
    : undefined
  connection.send({ sql: request.sql, params: [] }, undefined, (error) => {
    watch?.stop()
    if (error == null) blocks.end()
    else blocks.fail(queryError(error, { access: 'read', sent: true, address }))
    if (connection.lost !== undefined) restore()
  })
  try {
    yield* blocks.read()
  } finally {
    watch?.stop()
    if (!blocks.isOver) connection.cancel()
    blocks.discard()
  }
}

/** Puts the frames of a copy between the socket and `pg`, until the server is ready for the next statement. */
function divert(stream: WireStream, blocks: BlockQueue): () => void {
  const listeners = stream.listeners('data') as unknown as readonly ((bytes: Buffer) => void)[]
  const frames = new CopyFrames({
    data: (bytes, rows) => blocks.push({ bytes, rows }),
    message: (bytes, isLast) => {
      // Before, so that nothing is lost that `pg` sends for it.
      if (isLast) restore()
      for (const listener of listeners) listener.call(stream, bytes)
    },
  })
  const take = (bytes: Buffer): void => frames.take(bytes)
  let isRestored = false
  const restore = (): void => {
    if (isRestored) return
    isRestored = true
    stream.removeListener('data', take)
    for (const listener of listeners) stream.on('data', listener)
  }
  for (const listener of listeners) stream.removeListener('data', listener)
  stream.on('data', take)
  return restore
}

/** Blocks between the socket and their reader, who slows the socket down. */
class BlockQueue {
  readonly #stream: WireStream
  readonly #blocks: CopyBlock[] = []
  #waiting = 0
  #ended = false
  #error: SignalboxError | undefined
  #discarding = false
  #wake: (() => void) | undefined

  constructor(stream: WireStream) {
    this.#stream = stream
  }

  get isOver(): boolean {
    return this.#ended || this.#error !== undefined
  }

  push(block: CopyBlock): void {
    if (this.#discarding) return
    this.#blocks.push(block)
    this.#waiting += block.bytes.length
    if (this.#waiting > mostWaiting) this.#stream.pause()
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  fail(error: SignalboxError): void {
    this.#error ??= error
    this.discard()
    this.#wake?.()
  }

  /** Nobody reads any more; what comes still is dropped. */
  discard(): void {
    this.#discarding = true
    this.#blocks.length = 0
    this.#waiting = 0
    this.#stream.resume()
  }

  async *read(): AsyncGenerator<CopyBlock, void, undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      const block = this.#blocks.shift()
      if (block !== undefined) {
        this.#waiting -= block.bytes.length
        if (this.#waiting <= mostWaiting / 4) this.#stream.resume()
        yield block
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
      }
    }
  }
}

/**
 * Feeds `COPY … FROM STDIN` with blocks, on a connection that is ready and stays the caller's. The number of rows that the server has taken.
 * If the blocks fail the statement fails, and their error is thrown.
 */
export async function copyIn(
  connection: Connection,
  request: DriverRequest,
  blocks: AsyncIterable<Uint8Array>,
  address: string,
): Promise<number> {
  const wire = wireOf(connection)
  const call = new CopyInCall(connection, request, address)
  const watch = isLimited(request) ? new Watch(request, (reason) => call.expire(reason)) : undefined
  try {
    await call.ready
    try {
      let count = 0
      for await (const block of blocks) {
        if (call.isOver) break
        await writeBlock(wire.stream, block, call.over)
        count += 1
        // What is at hand, and what the socket takes at once, would otherwise keep everything else waiting to its end, the server's answer included.
        if (count % blocksInTurn === 0) await eventLoopTurn()
      }
    } catch (error) {
      wire.sendCopyFail('what was to be copied could not be read')
      // The server's own error is the answer to this.
      await call.answer.catch(() => undefined)
      throw error
    }
    if (!call.isOver) wire.endCopyFrom()
    return await call.answer
  } finally {
    watch?.stop()
  }
}

/** One message of data, however many rows are in it. */
async function writeBlock(stream: WireStream, block: Uint8Array, over: Promise<unknown>): Promise<void> {
  if (block.length === 0) return
  const header = Buffer.allocUnsafe(5)
  header.write('d')
  header.writeUInt32BE(block.length + 4, 1)
  stream.cork()
  stream.write(header)
  const goesOn = stream.write(block)
  stream.uncork()
  if (goesOn || !stream.writable) return
  const controller = new AbortController()
  const drained = once(stream, 'drain', { signal: controller.signal }).catch(() => undefined)
  await Promise.race([drained, over])
  controller.abort()
}

class CopyInCall {
  /** The server takes data. */
  readonly ready: Promise<void>
  /** The number of rows. */
  readonly answer: Promise<number>
  /** Resolves when the answer is there, whatever it is. */
  readonly over: Promise<void>
  isOver = false
  readonly #connection: Connection
  readonly #request: DriverRequest
  #expired: SignalboxError | undefined

  constructor(connection: Connection, request: DriverRequest, address: string) {
    this.#connection = connection
    this.#request = request
    const ready = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<number>()
    const finished = connection.occupy()
    const queryClass = (connection.client.constructor as { Query?: NativeQueryClass }).Query!
    let isAnswered = false
    const query = new queryClass(request.sql, undefined, (error, result) => {
      if (isAnswered) return
      isAnswered = true
      this.isOver = true
      finished(error ?? undefined)
      if (error == null) {
        ready.resolve()
        answer.resolve(rowCountOf(result))
        return
      }
      const failure = this.#expired ?? queryError(error, { access: request.access, sent: true, address })
      ready.reject(failure)
      answer.reject(failure)
    })
    query.handleCopyInResponse = () => ready.resolve()
    this.ready = ready.promise
    this.answer = answer.promise
    this.over = answer.promise.then(nothing, nothing)
    ready.promise.catch(nothing)
    connection.client.query(query as unknown as Submittable)
  }

  expire(reason: 'timeout' | 'abort'): void {
    this.#expired ??= expiry(reason, this.#request, 'running', false)
    this.#connection.cancel()
  }
}

function rowCountOf(result: NativeAnswer | undefined): number {
  const one = Array.isArray(result) ? result.at(-1) : result
  return one?.rowCount ?? 0
}

/** False where `pg` runs over its native bindings: there is no wire to be seen. */
export function canCopy({ client }: Connection): boolean {
  return internalsOf(client).connection !== undefined
}

function wireOf({ client }: Connection): CopyWire {
  return internalsOf(client).connection as CopyWire
}

function nothing(): void {}
