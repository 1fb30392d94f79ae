import { expect, it } from 'vitest'
import { nearMatches } from './near-match.ts'

it.each([
  ['archvie', ['archive']],
  ['Archive', ['archive']],
  ['shp', ['shop']],
  ['orders', ['order']],
  ['zzz', []],
])('for %s offers %j', (name, offered) => {
  expect(nearMatches(name, ['archive', 'shop', 'order', 'reviews'])).toEqual(offered)
})
