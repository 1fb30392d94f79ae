import { expect, it } from 'vitest'
import { barText } from './bar-text.ts'

it.each([
  [0, ''],
  [0.0001, '▏'],
  [0.5, '█████'],
  [0.56, '█████▋'],
  [1, '██████████'],
])('%s of ten columns is "%s"', (part, bar) => {
  expect(barText(part, 10)).toBe(bar)
})
