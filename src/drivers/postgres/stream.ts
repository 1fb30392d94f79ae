import type { Submittable } from 'pg'
import type { DriverRequest } from '../driver.ts'
import { expiry, isLimited, positional, Watch } from './call.ts'
import type { Connection } from './connection.ts'
import { queryError } from './errors.ts'
import { rowConfig, type Cursor, type CursorClass, type NativeResult } from './native.ts'

/**
 * Rows of one statement, `fetchSize` at a time, over a cursor on a connection that is ready and stays the caller's.
 *
 * The time limit holds for each fetch, not for the whole stream, whose length is up to the reader. Leaving the loop
 * closes the cursor; after a time-out or an abort the running fetch is cancelled on the server.
 */
export async function* streamRows(
  connection: Connection,
  cursorClass: CursorClass,
  request: DriverRequest,
  fetchSize: number,
  address: string,
): AsyncGenerator<unknown, void, undefined> {
  const fetcher = new Fetcher(connection, cursorClass, request, address)
  try {
    for (;;) {
      const rows = await fetcher.fetch(fetchSize)
      yield* rows
      if (rows.length < fetchSize) break
    }
  } finally {
    await fetcher.close()
  }
}

class Fetcher {
  readonly #connection: Connection
  readonly #request: DriverRequest
  readonly #address: string
  readonly #cursor: Cursor
  readonly #finished: (error?: unknown) => void
  /** False once the cursor ends by itself: it failed, or its running fetch was given up. */
  #closable = true
  #isDescribed = false

  constructor(connection: Connection, cursorClass: CursorClass, request: DriverRequest, address: string) {
    this.#connection = connection
    this.#request = request
    this.#address = address
    const config = rowConfig(request.rowMode, request.types) ?? {}
    try {
      this.#cursor = new cursorClass(request.sql, positional(request), config)
    } catch (error) {
      throw this.#failure(error, false)
    }
    this.#finished = connection.occupy()
    connection.client.query(this.#cursor as unknown as Submittable)
  }

  fetch(rows: number): Promise<unknown[]> {
    const request = this.#request
    return new Promise((resolve, reject) => {
      let expired = false
      const expire = (reason: 'timeout' | 'abort'): void => {
        expired = true
        this.#closable = false
        this.#connection.cancel()
        reject(expiry(reason, request, 'running', request.access === 'read'))
      }
      if (request.signal?.aborted) {
        reject(expiry('abort', request, 'running', request.access === 'read'))
        return
      }
      const watch = isLimited(request) ? new Watch(request, expire) : undefined
      this.#cursor.read(rows, (error, fetched, result) => {
        watch?.stop()
        if (error == null) this.#describe(result)
        if (error != null) {
          this.#closable = false
          this.#finished(error)
          reject(this.#failure(error, true))
        } else if (expired) {
          // The fetch was quicker than the request to cancel it: its cursor is still open.
          this.#closeCursor(() => this.#finished())
        } else {
          resolve(fetched ?? [])
        }
      })
    })
  }

  #describe(result: NativeResult | undefined): void {
    if (this.#isDescribed) return
    this.#isDescribed = true
    this.#request.described?.((result?.fields ?? []).map((field) => ({ name: field.name, native: field })))
  }

  close(): Promise<void> | undefined {
    if (!this.#closable) return undefined
    this.#closable = false
    return new Promise((resolve) => {
      this.#closeCursor(() => {
        this.#finished()
        resolve()
      })
    })
  }

  /** `pg-cursor` waits for the server's answer without looking whether the connection still exists. */
  #closeCursor(closed: () => void): void {
    if (this.#connection.lost !== undefined) {
      closed()
      return
    }
    const { client } = this.#connection
    const done = (): void => {
      client.removeListener('end', done)
      closed()
    }
    client.on('end', done)
    this.#cursor.close(done)
  }

  #failure(error: unknown, sent: boolean): Error {
    return queryError(error, { access: this.#request.access, sent, address: this.#address })
  }
}
