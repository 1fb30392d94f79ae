import { expect, test } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

test('the clock stands still until it is moved', async () => {
  const clock = new VirtualClock(1000)
  expect(clock.now()).toBe(1000)
  await clock.advance(250.5)
  expect(clock.now()).toBe(1250.5)
})

test('timers run in the order in which they are due, and in order of setting when due together', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  const note = (name: string) => () => seen.push(`${name}@${clock.now()}`)
  clock.setTimeout(note('late'), 30)
  clock.setTimeout(note('first'), 10)
  clock.setTimeout(note('second'), 10)
  expect(clock.nextDueMs).toBe(10)
  await clock.advance(29)
  expect(seen).toEqual(['first@10', 'second@10'])
  await clock.advance(1)
  expect(seen).toEqual(['first@10', 'second@10', 'late@30'])
  expect(clock.pending).toBe(0)
})

test('a timer that a timer sets runs in the same advance if it falls due', async () => {
  const clock = new VirtualClock()
  const seen: number[] = []
  const tick = () => {
    seen.push(clock.now())
    clock.setTimeout(tick, 10)
  }
  clock.setTimeout(tick, 10)
  await clock.advance(35)
  expect(seen).toEqual([10, 20, 30])
  expect(clock.now()).toBe(35)
})

test('promises go on between two timers', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  const work = async () => {
    await clock.sleep(10)
    seen.push('awake')
    await Promise.resolve().then(() => Promise.resolve())
    seen.push('still before the next timer')
  }
  const done = work()
  clock.setTimeout(() => seen.push('next timer'), 11)
  await clock.advance(11)
  await done
  expect(seen).toEqual(['awake', 'still before the next timer', 'next timer'])
})

test('work that starts before the first timer is drained first', async () => {
  const clock = new VirtualClock()
  let ran = false
  void Promise.resolve().then(() => clock.setTimeout(() => (ran = true), 5))
  await clock.advance(5)
  expect(ran).toBe(true)
})

test('a cleared timer does not run, also when it is cleared by another one due at the same time', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  const first = clock.setTimeout(() => seen.push('cleared'), 5)
  clock.setTimeout(() => second.clear(), 10)
  const second = clock.setTimeout(() => seen.push('cleared too'), 10)
  first.clear()
  clock.clearTimeout(undefined)
  await clock.advance(20)
  expect(seen).toEqual([])
})

test('an error of a callback comes out of advance, and the clock stands there', async () => {
  const clock = new VirtualClock()
  clock.setTimeout(() => {
    throw new Error('broken')
  }, 7)
  await expect(clock.advance(10)).rejects.toThrow('broken')
  expect(clock.now()).toBe(7)
})

test('timers that set each other anew without end are an error', async () => {
  const clock = new VirtualClock()
  const again = () => void clock.setTimeout(again, 0)
  again()
  await expect(clock.advance(1)).rejects.toThrow('100000 timers ran')
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('%s is no span of time', async (ms) => {
  const clock = new VirtualClock()
  expect(() => clock.setTimeout(() => undefined, ms)).toThrow(RangeError)
  await expect(clock.advance(ms)).rejects.toThrow(RangeError)
  expect(() => new VirtualClock(ms)).toThrow(RangeError)
})
