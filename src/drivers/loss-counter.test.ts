import { expect, test } from 'vitest'

import { LossCounter } from './loss-counter.ts'

test('counts each connection once, and none after the stop', () => {
  const losses = new LossCounter()
  const [first, second, third] = [{}, {}, {}]
  losses.note(first)
  losses.note(first)
  losses.note(second)
  expect(losses.count).toBe(2)
  losses.stop()
  losses.note(third)
  expect(losses.count).toBe(2)
})
