import { expect, it } from 'vitest'
import { systemClock } from './clock.ts'

it('keeps no process alive, and takes timers back', async () => {
  const ran: string[] = []
  const timer = systemClock.setTimeout(() => ran.push('taken back'), 1) as NodeJS.Timeout
  expect(timer.hasRef()).toBe(false)
  systemClock.clearTimeout(timer)
  systemClock.clearTimeout(undefined)
  const before = systemClock.now()
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 5))
  expect(ran).toEqual([])
  expect(systemClock.now() - before).toBeGreaterThan(3)
})
