import { expect, it } from 'vitest'
import { WorkClock } from './work-clock.ts'

it('leaves out the time in which nobody looked', () => {
  let now = 100
  const clock = new WorkClock({ now: () => now })
  const start = clock.now()
  now += 50
  clock.leaveOut(40)
  expect(clock.now() - start).toBe(10)
})
