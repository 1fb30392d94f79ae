import { expect, it } from 'vitest'
import { noteOrigin, originOf } from './row-origins.ts'

it('marks rows invisibly, each once, whatever kind of object they are', () => {
  const plain = { id: 1 }
  const bare: object = Object.assign(Object.create(null) as object, { id: 2 })
  const array = [3]
  noteOrigin([plain, bare, array, null, 7], 'shop')
  for (const row of [plain, bare, array]) expect(originOf(row)).toBe('shop')
  expect(originOf({ id: 1 })).toBeUndefined()
  expect(Reflect.ownKeys(plain)).toEqual(['id'])
  expect(JSON.stringify(plain)).toBe('{"id":1}')
  expect(originOf(structuredClone(plain))).toBeUndefined()
})

it('keeps the first mark of an object that is handed out again, and marks those beside it', () => {
  const again = { id: 1 }
  noteOrigin([again], 'shop')
  const fresh = { id: 2 }
  noteOrigin([fresh, again, { id: 3 }], 'archive')
  expect(originOf(again)).toBe('shop')
  expect(originOf(fresh)).toBe('archive')
})
