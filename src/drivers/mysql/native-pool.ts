import type { Pool, PoolConnection } from 'mysql2'

type QueueName = '_allConnections' | '_freeConnections' | '_connectionQueue'

/** What mysql2's queues have in every known version, documented or not. */
interface NativeQueue {
  readonly length: number
  get(index: number): unknown
  removeOne(index: number): unknown
}

/** Gets a connection, or else why there is none. */
export type Acquired = (error: Error | undefined, connection: PoolConnection | undefined) => void

export function connectionBy(acquire: (done: Acquired) => void): Promise<PoolConnection> {
  return new Promise((resolve, reject) => {
    acquire((error, connection) => (connection === undefined ? reject(error) : resolve(connection)))
  })
}

/** The length of one of mysql2's queues: connections open or opening, of them idle, and callers that wait. */
export function lengthOf(pool: Pool, name: QueueName): number | undefined {
  return queueOf(pool, name)?.length
}

/**
 * Takes a caller out of mysql2's queue. It has no way to do so itself, and would keep callbacks of callers who gave up
 * for as long as every connection is busy. Where this is not possible, the callback must give the connection back.
 */
export function removeFromQueue(pool: Pool, callback: unknown): void {
  const queue = queueOf(pool, '_connectionQueue')
  if (queue === undefined) return
  for (let i = 0; i < queue.length; i += 1) {
    if (queue.get(i) === callback) {
      queue.removeOne(i)
      return
    }
  }
}

/**
 * Closes a connection whose server does not answer. mysql2's own `destroy` says goodbye and waits; what runs on the
 * connection would never be told.
 */
export function breakConnection(connection: PoolConnection, why: string): void {
  const stream: unknown = Reflect.get(connection, 'stream')
  if (!isDestroyable(stream)) return connection.destroy()
  stream.destroy(Object.assign(new Error(`The connection was closed: ${why}.`), { code: 'ECONNABORTED' }))
}

/** Whether a connection keeps the process alive, as its socket does otherwise. */
export function keepAlive(connection: PoolConnection, keeps: boolean): void {
  const stream: unknown = Reflect.get(connection, 'stream')
  if (!isCounted(stream)) return
  if (keeps) stream.ref()
  else stream.unref()
}

function isCounted(stream: unknown): stream is { ref(): void; unref(): void } {
  return typeof stream === 'object' && stream !== null && 'ref' in stream && 'unref' in stream
}

function isDestroyable(stream: unknown): stream is { destroy(error: Error): void } {
  return typeof stream === 'object' && stream !== null && 'destroy' in stream
}

/** One of mysql2's queues, which a pool has from its beginning to its end. */
export function queueOf(pool: Pool, name: QueueName): NativeQueue | undefined {
  const queue: unknown = Reflect.get(pool, name)
  return isQueue(queue) ? queue : undefined
}

function isQueue(queue: unknown): queue is NativeQueue {
  return typeof queue === 'object' && queue !== null && 'length' in queue && 'get' in queue && 'removeOne' in queue
}
