import { EventEmitter } from 'node:events'
import type { Scope } from '../../index.ts'
import { driverError } from '../driver-error.ts'
import { commandOf } from './merged-result.ts'
import type { QueuedQuery } from './native-pg.ts'

type Serve = NonNullable<Parameters<Scope['submit']>[0]['serve']>
type Open = Parameters<Serve>[0]
type ServedRows = Awaited<ReturnType<Open>>

/** How `pg` tells a submittable what the server has said. */
interface Told extends QueuedQuery {
  handleRowDescription(message: object, connection: unknown): void
  handleDataRow(message: object, connection: unknown): void
  handlePortalSuspended(connection: unknown): void
  handleCommandComplete(message: object, connection: unknown): void
}

const copies = /^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*copy\b/i

/** Whether a query takes rows in portions: then they can come from Signalbox. The data of a copy is no rows. */
export function takesPortions(query: QueuedQuery, sql: string): boolean {
  return typeof (query as Partial<Told>).handlePortalSuspended === 'function' && !copies.test(sql)
}

/** Gives a query rows that Signalbox has put together, as the server would: as many as it asks for at a time. Ends when the server would be ready again. */
export async function play(
  query: QueuedQuery,
  open: Open,
  signal: AbortSignal | undefined,
): Promise<{ readonly failed: boolean }> {
  const connection = new PlayedConnection(query as Told, open)
  const leave = (): void => connection.leave(signal?.reason)
  signal?.addEventListener('abort', leave, { once: true })
  try {
    query.submit(connection)
    return await connection.over
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}

/** What `pg`'s submittables have for a connection while Signalbox answers them: it takes their messages, and plays the answers. */
class PlayedConnection extends EventEmitter {
  readonly parsedStatements: Record<string, string> = {}
  readonly submittedNamedStatements: Record<string, string> = {}
  readonly stream = { cork: nothing, uncork: nothing }
  readonly over: Promise<{ readonly failed: boolean }>
  readonly #query: Told
  readonly #open: Open
  readonly #end: (outcome: { readonly failed: boolean }) => void
  #served: ServedRows | undefined
  /** One message is answered after the other. */
  #last: Promise<void> = Promise.resolve()
  #failed = false
  /** After an error the server skips what comes before the next sync. */
  #skips = false
  #isOver = false

  constructor(query: Told, open: Open) {
    super()
    this.#query = query
    this.#open = open
    const { promise, resolve } = Promise.withResolvers<{ readonly failed: boolean }>()
    this.over = promise
    this.#end = resolve
  }

  query(): void {
    this.describe()
    this.execute({})
    this.sync()
  }

  parse(): void {}
  bind(): void {}
  flush(): void {}
  sendCopyFail(): void {}

  describe(): void {
    this.#step(async () => {
      const { fields } = await this.#opened()
      if (fields.length === 0) {
        this.emit('noData')
        return
      }
      this.#query.handleRowDescription({ name: 'rowDescription', fields: fields.map((field) => field.native) }, this)
      this.emit('rowDescription')
    })
  }

  /** `rows`: how many at most; all without it. */
  execute({ rows = 0 }: { readonly rows?: number }): void {
    this.#step(async () => {
      const { rows: source, whole } = await this.#opened()
      let count = 0
      const most = rows === 0 ? Infinity : rows
      while (count < most) {
        const next = await source.next()
        if (next.done === true) {
          this.#query.handleCommandComplete({ name: 'commandComplete', text: tagOf(whole, count) }, this)
          return
        }
        count += 1
        this.#query.handleDataRow({ name: 'dataRow', fields: next.value, fieldCount: next.value.length }, this)
      }
      this.#query.handlePortalSuspended(this)
    })
  }

  close(): void {
    this.#step(async () => await this.#served?.rows.return())
  }

  sync(): void {
    this.#last = this.#last.then(async () => await this.#ready())
  }

  /** Whoever asked for the rows wants no more, or is gone. */
  leave(reason: unknown): void {
    this.#step(() => {
      throw reason instanceof Error ? reason : new Error('The rows are wanted no more.', { cause: reason })
    })
    this.sync()
  }

  async #opened(): Promise<ServedRows> {
    return (this.#served ??= await this.#open())
  }

  #step(answer: () => unknown): void {
    this.#last = this.#last.then(async () => await this.#take(answer))
  }

  async #take(answer: () => unknown): Promise<void> {
    if (this.#skips || this.#isOver) return
    try {
      await answer()
    } catch (error) {
      this.#failed = true
      this.#skips = true
      this.#query.handleError(driverError(error), this)
    }
  }

  async #ready(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    // Nobody waits any more for how its end went.
    await this.#served?.rows.return().catch(nothing)
    const failed = this.#failed
    this.#end({ failed })
    // As a client of pg: who was told of an error hears no more.
    if (!failed) this.#query.handleReadyForQuery(this)
    this.emit('readyForQuery')
  }
}

/** What the server would say at the end. */
function tagOf(whole: ServedRows['whole'], count: number): string {
  if (whole === undefined) return `SELECT ${count}`
  const command = commandOf(whole.native)
  const { native } = whole
  const one = (Array.isArray(native) ? native[0] : native) as { readonly rowCount?: number | null } | undefined
  if (one?.rowCount === null) return command
  return command === 'INSERT' ? `INSERT 0 ${whole.rowCount}` : `${command} ${whole.rowCount}`
}

function nothing(): void {}
