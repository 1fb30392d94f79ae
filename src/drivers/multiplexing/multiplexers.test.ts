import { expect, it } from 'vitest'
import type { NamedSettings } from '../driver.ts'
import { Multiplexers } from './multiplexers.ts'

/** Counts lanes, which a test opens and closes. */
class FakeMultiplexer {
  lanes = 0
  shared = 0
  inFlight = 0
  closed: (() => void) | undefined
  readonly settings: NamedSettings | undefined
  readonly mayOpen: () => boolean

  constructor(settings: NamedSettings | undefined, mayOpen: () => boolean) {
    this.settings = settings
    this.mayOpen = mayOpen
  }

  close(then: () => void): void {
    this.closed = then
  }

  destroyAll(): void {
    this.lanes = 0
  }
}

function settings(key: string): NamedSettings {
  return { key, values: new Map([['timezone', key]]) }
}

function made(most: number) {
  const all: FakeMultiplexer[] = []
  const multiplexers = new Multiplexers(most, (named: NamedSettings | undefined, mayOpen) => {
    const one = new FakeMultiplexer(named, mayOpen)
    all.push(one)
    return one
  })
  const of = (key?: string): FakeMultiplexer | undefined =>
    multiplexers.of(key === undefined ? undefined : settings(key))
  return { all, multiplexers, of }
}

it('has one for each settings, the same each time', () => {
  const { of } = made(2)
  expect(of()).toBe(of())
  expect(of('a')).toBe(of('a'))
  expect(of('a')).not.toBe(of())
  expect(of('a')?.settings?.key).toBe('a')
})

it('opens no more lanes than it may, for all settings together', () => {
  const { of, multiplexers } = made(2)
  const [plain, a] = [of()!, of('a')!]
  expect([plain.mayOpen(), a.mayOpen()]).toEqual([true, true])
  plain.lanes = 1
  expect([plain.mayOpen(), a.mayOpen()]).toEqual([true, true])
  a.lanes = 1
  expect([plain.mayOpen(), a.mayOpen()]).toEqual([false, false])
  plain.lanes = 0
  expect([plain.mayOpen(), a.mayOpen()]).toEqual([true, true])
  plain.shared = a.shared = 1
  plain.inFlight = 3
  expect([multiplexers.shared, multiplexers.inFlight]).toEqual([2, 3])
})

it('keeps those that have lanes, and gives up others for new settings', () => {
  const { of } = made(2)
  const [a, b] = [of('a')!, of('b')!]
  a.lanes = 1
  expect(of('c')).toBeDefined()
  expect(of('a')).toBe(a)
  of('c')!.lanes = 1
  expect(of('b')).toBeUndefined()
  a.lanes = 0
  expect(of('b')).not.toBe(b)
  expect(of('b')).toBeDefined()
})

it('is closed when all are, and opens nothing meanwhile', () => {
  const { all, of, multiplexers } = made(2)
  of('a')
  let isClosed = false
  multiplexers.close(() => (isClosed = true))
  expect(all.map(({ mayOpen }) => mayOpen())).toEqual([false, false])
  expect(of('b')).toBeUndefined()
  all[0]!.closed?.()
  expect(isClosed).toBe(false)
  all[1]!.closed?.()
  expect(isClosed).toBe(true)
})
