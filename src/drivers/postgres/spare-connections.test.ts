import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection } from './connection.ts'
import { SpareConnections } from './spare-connections.ts'

const given: Connection[] = []
const made = (): Connection => ({ lost: undefined }) as Connection
const spares = new SpareConnections((connection) => given.push(connection))

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  spares.giveBackAll()
  given.length = 0
  vi.useRealTimers()
})

test('the one used last is taken first', () => {
  const [a, b] = [made(), made()]
  spares.keep(a)
  spares.keep(b)
  expect([spares.take(), spares.take(), spares.take()]).toEqual([b, a, undefined])
  expect(given).toEqual([])
})

test('those that nobody took for a while go back, the others stay', () => {
  const [a, b] = [made(), made()]
  spares.keep(a)
  spares.keep(b)
  for (let round = 0; round < 5; round += 1) {
    vi.advanceTimersByTime(15)
    spares.keep(spares.take()!)
  }
  expect([given, spares.size]).toEqual([[a], 1])
  vi.advanceTimersByTime(50)
  expect([given, spares.size]).toEqual([[a, b], 0])
  expect(vi.getTimerCount()).toBe(0)
})

test('one that is lost is given back, and not to a caller', () => {
  const [a, b, c] = [made(), made(), made()]
  for (const connection of [a, b, c]) spares.keep(connection)
  c.lost = new Error('gone')
  expect(spares.take()).toBe(b)
  expect(given).toEqual([c])
  spares.drop(a)
  spares.drop(b)
  expect([given, spares.size]).toEqual([[c, a], 0])
})

test('all go back at once where the pool needs them', () => {
  const [a, b] = [made(), made()]
  spares.keep(a)
  spares.keep(b)
  spares.giveBackAll()
  expect([given, spares.size, vi.getTimerCount()]).toEqual([[a, b], 0, 0])
})
