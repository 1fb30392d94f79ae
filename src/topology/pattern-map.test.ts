import { expect, it } from 'vitest'
import { PatternMap } from './pattern-map.ts'

it('knows the schemas that declarations name', () => {
  const map = new PatternMap(
    ['product', 'sales.invoice', 'Sales 1.*', '*.note', 'app?.x', 'sales.item'].map((pattern) => [pattern, 1] as const),
  )
  expect([...map.schemas()]).toEqual(['sales', 'Sales 1'])
})
