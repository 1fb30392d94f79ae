import { EventEmitter } from 'node:events'
import type { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LossCounter } from '../loss-counter.ts'
import { PoolExhaustedError } from '../../errors.ts'
import type { DriverRequest } from '../driver.ts'
import { Lane } from '../postgres/lane.ts'
import { Multiplexer } from './multiplexer.ts'
import type { AnswerCallback, NativeAnswer, NativeResult } from '../postgres/native.ts'
import { QuerySender } from '../postgres/query-sender.ts'
import { SharedRead } from '../postgres/shared-read.ts'
import { StatementBook } from '../postgres/statement-book.ts'

/** A client in pipeline mode whose answers the test gives, in the order of sending. */
class FakeClient extends EventEmitter {
  readonly sent: { readonly text: string; readonly answer: AnswerCallback }[] = []
  destroyed = false
  readonly connection = { stream: { destroy: () => void (this.destroyed = true) } }

  async connect(): Promise<void> {}
  async end(): Promise<void> {}

  query(config: string | { readonly text: string }, callback?: AnswerCallback): Promise<void> {
    if (typeof config === 'object' && callback !== undefined) this.sent.push({ text: config.text, answer: callback })
    return Promise.resolve()
  }

  /** Answers the statement that was sent first. */
  answer(n: number): void {
    const first = this.sent.shift()
    first?.answer(undefined, result(n))
  }
}

function result(n: number) {
  return { command: 'SELECT', rowCount: 1, oid: 0, fields: [], rows: [{ n }] }
}

const slowMs = 10
const quick = 'select quick'
const slow = 'select slow'

describe('the multiplexer', () => {
  let clients: FakeClient[] = []
  let alone: SharedRead[] = []
  let forgotten = 0
  let dropped = 0
  let book: StatementBook
  let multiplexer: Multiplexer<SharedRead, Lane>

  beforeEach(async () => {
    vi.useFakeTimers()
    clients = []
    alone = []
    forgotten = 0
    dropped = 0
    book = new StatementBook(true)
    multiplexer = new Multiplexer({
      mayOpen: () => clients.length < 1,
      slowMs,
      idleTimeoutMs: 0,
      ownAreTaken: () => false,
      createLane: (events, clock) => {
        const client = new FakeClient()
        clients.push(client)
        const parts = { book, sender: new QuerySender(), statementCacheSize: 10, address: 'db', clock, events }
        return new Lane({ ...parts, losses: new LossCounter(), client: client as unknown as Client })
      },
      runAlone: (read) => {
        alone.push(read)
        read.lane = undefined
        read.copies++
        read.own = { forget: () => forgotten++, drop: () => dropped++ }
      },
    })
    for (const sql of [quick, slow]) for (let i = 0; i < 2; i++) multiplexer.observe(book.lookUp(sql)!.latency, 1)
    expect(take(quick)).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(multiplexer.shared).toBe(1)
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  function take(sql: string, more: Partial<DriverRequest> = {}): Promise<NativeResult> | undefined {
    const { promise, resolve, reject } = Promise.withResolvers<NativeResult>()
    const request: DriverRequest = { sql, params: [], access: 'read', ...more }
    const taker = { answered: (native: NativeAnswer) => resolve(native as NativeResult), failed: reject }
    const record = book.lookUp(sql)!
    const lane = multiplexer.laneFor(record.latency)
    lane?.send(new SharedRead(request, { sql, params: [] }, record, taker))
    return lane && promise
  }

  /** Waits until those behind a slow first statement have been sent elsewhere. */
  async function holdUp(): Promise<void> {
    await vi.advanceTimersByTimeAsync(slowMs * 2)
  }

  it('sends those behind a slow statement elsewhere, once, and takes the first answer', async () => {
    const head = take(slow)
    const behind = [take(quick), take(quick)]
    await holdUp()
    await holdUp()
    expect(alone).toHaveLength(2)
    expect(take(quick)).toBeUndefined()
    alone[0]!.succeededAlone(result(7))
    expect((await behind[0])?.rows).toEqual([{ n: 7 }])
    clients[0]!.answer(1)
    clients[0]!.answer(2)
    clients[0]!.answer(3)
    expect((await head)?.rows).toEqual([{ n: 1 }])
    expect((await behind[1])?.rows).toEqual([{ n: 3 }])
    expect({ forgotten, dropped }).toEqual({ forgotten: 1, dropped: 0 })
    // The lane is back in service.
    expect(take(quick)).toBeDefined()
  })

  it('fails nobody whose other copy is still under way', async () => {
    const head = take(slow)?.catch((error: unknown) => error)
    const behind = [take(quick), take(quick)]
    await holdUp()
    alone[0]!.failed(new PoolExhaustedError('no connection'))
    clients[0]!.emit('error', new Error('Connection terminated unexpectedly'))
    expect(await head).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
    expect(await behind[0]?.catch((error: unknown) => error)).toMatchObject({ errorClass: 'connection-lost' })
    alone[1]!.succeededAlone({ ...result(0), rows: [], rowCount: 0 })
    expect(await behind[1]).toMatchObject({ rowCount: 0 })
    expect(multiplexer.shared).toBe(0)
  })

  it('closes the lane of a slow statement given up, after those behind it have been sent elsewhere', async () => {
    const head = take(slow, { timeoutMs: 3 })?.catch((error: unknown) => error)
    const behind = take(quick)
    await vi.advanceTimersByTimeAsync(4)
    expect(await head).toMatchObject({ code: 'SIGNALBOX_TIMEOUT', safeToRetry: true })
    expect(clients[0]!.destroyed).toBe(false)
    await holdUp()
    expect(clients[0]!.destroyed).toBe(true)
    expect(alone).toHaveLength(1)
    alone[0]!.succeededAlone(result(2))
    expect((await behind)?.rows).toEqual([{ n: 2 }])
  })

  it('leaves the lane alone when a quick statement is given up', async () => {
    const late = take(quick, { timeoutMs: 3 })?.catch((error: unknown) => error)
    const stranger = take(quick)
    await vi.advanceTimersByTimeAsync(4)
    expect(await late).toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
    clients[0]!.answer(1)
    clients[0]!.answer(2)
    expect((await stranger)?.rows).toEqual([{ n: 2 }])
    await holdUp()
    expect(clients[0]!.destroyed).toBe(false)
    expect(alone).toHaveLength(0)
  })

  it('cancels the copy on a connection of its own when its caller gives up', async () => {
    void take(slow)
    const behind = take(quick, { timeoutMs: 100 })?.catch((error: unknown) => error)
    await holdUp()
    await vi.advanceTimersByTimeAsync(100)
    expect(await behind).toMatchObject({ code: 'SIGNALBOX_TIMEOUT' })
    expect(dropped).toBe(1)
  })
})
