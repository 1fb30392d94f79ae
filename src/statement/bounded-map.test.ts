import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BoundedMap } from './bounded-map.ts'

it('keeps what is used and forgets what is not', () => {
  const map = new BoundedMap<string, number>(10)
  map.set('kept', 1)
  for (let i = 0; i < 1_000; i++) {
    map.set(`text ${i}`, i)
    expect(map.get('kept')).toBe(1)
  }
  expect(map.get('text 0')).toBeUndefined()
  expect(map.get('text 999')).toBe(999)
})

it('never holds more than its limit, and never answers with another key’s value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(50), { maxLength: 300 }), (limit, keys) => {
      const map = new BoundedMap<number, string>(limit)
      for (const key of keys) {
        const known = map.get(key)
        if (known !== undefined) expect(known).toBe(`value of ${key}`)
        map.set(key, `value of ${key}`)
        expect(map.get(key)).toBe(`value of ${key}`)
        expect(map.size).toBeLessThanOrEqual(2 * Math.ceil(limit / 2))
      }
    }),
  )
})
