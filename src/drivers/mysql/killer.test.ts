import { EventEmitter } from 'node:events'

import type { Connection, PoolConnection } from 'mysql2'
import { describe, expect, test } from 'vitest'

import { QueryKiller, type Interruptible } from './killer.ts'

type Answer = Error | null

/** A connection that notes what it is sent and answers as told. */
class NotedConnection extends EventEmitter {
  readonly threadId = 42
  readonly config = { host: 'db.example', user: 'someone' }
  readonly #log: string[]
  readonly #answer: (sql: string) => Answer

  constructor(log: string[], answer: (sql: string) => Answer) {
    super()
    this.#log = log
    this.#answer = answer
  }

  connect(done: (error: Answer) => void): void {
    this.#log.push('connect')
    done(null)
  }

  query(sql: string, done: (error: Answer) => void): void {
    this.#log.push(sql)
    done(this.#answer(sql))
  }

  destroy(): void {
    this.#log.push('destroy')
  }
}

function scene(answer: (sql: string) => Answer = () => null) {
  const log: string[] = []
  // The few methods that are used
  const victim = new NotedConnection(log, answer) as unknown as PoolConnection
  // The few methods that are used
  const killer = new QueryKiller(() => new NotedConnection(log, answer) as unknown as Connection, 50)
  const running = (more: Partial<Interruptible> = {}): Interruptible => ({
    connection: victim,
    ended: Promise.resolve(),
    hasEnded: false,
    drain: () => log.push('drain'),
    ...more,
  })
  return { log, killer, running }
}

const interrupted = Object.assign(new Error('interrupted'), { errno: 1317 })

describe('QueryKiller', () => {
  test('kills, lets the rest come in, and sends a statement behind that does nothing', async () => {
    const { log, killer, running } = scene()
    expect(await killer.interrupt(running())).toBe(true)
    expect(log).toEqual(['connect', 'KILL QUERY 42', 'destroy', 'drain', 'DO 0'])
  })

  test('takes it well if that statement is hit', async () => {
    const { killer, running } = scene((sql) => (sql === 'DO 0' ? interrupted : null))
    expect(await killer.interrupt(running())).toBe(true)
  })

  test('gives the connection up if that statement fails otherwise, or the KILL does', async () => {
    for (const failing of ['DO 0', 'KILL QUERY 42']) {
      const { killer, running } = scene((sql) => (sql === failing ? new Error('no') : null))
      expect(await killer.interrupt(running())).toBe(false)
    }
  })

  test('kills nothing that has ended meanwhile', async () => {
    const { log, killer, running } = scene()
    expect(await killer.interrupt(running({ hasEnded: true }))).toBe(true)
    expect(log).toEqual(['connect', 'destroy', 'drain'])
  })

  test('gives the connection up if the statement does not end in time', async () => {
    const { log, killer, running } = scene()
    expect(await killer.interrupt(running({ ended: new Promise(() => undefined) }))).toBe(false)
    expect(log).not.toContain('DO 0')
  })

  test('uses one connection for victims at the same time', async () => {
    const { log, killer, running } = scene()
    await Promise.all([killer.interrupt(running()), killer.interrupt(running())])
    expect(log.filter((entry) => entry === 'destroy')).toHaveLength(1)
    expect(log.filter((entry) => entry.startsWith('KILL'))).toHaveLength(2)
  })
})
