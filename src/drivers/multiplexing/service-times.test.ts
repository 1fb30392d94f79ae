import { expect, it } from 'vitest'
import { ServiceTimes } from './service-times.ts'

function times(): ServiceTimes {
  const made = new ServiceTimes()
  made.roundTripMs = 2
  return made
}

it('leave out the way to the server', () => {
  expect(times().since(10, 15)).toBe(3)
  expect(times().answered(10, 15)).toBe(3)
})

it('leave out the wait for the one ahead', () => {
  const lane = times()
  lane.answered(10, 20)
  expect(lane.since(11, 24)).toBe(4)
  expect(lane.answered(11, 24)).toBe(4)
  expect(lane.since(30, 33)).toBe(1)
})

it('tell what is ahead by the mean, in which no answer counts as less than nothing', () => {
  const lane = times()
  expect(lane.of(5)).toBe(0)
  for (let at = 0; at < 10_000; at += 5) lane.answered(at, at + 3)
  expect(lane.of(10)).toBeCloseTo(10, 1)
  for (let at = 10_000; at < 20_000; at += 5) lane.answered(at, at + 1)
  expect(lane.of(10)).toBeLessThan(0.1)
  expect(lane.of(10)).toBeGreaterThanOrEqual(0)
})
