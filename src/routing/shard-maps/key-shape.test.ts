import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeyShape } from './key-shape.ts'

it('two keys of several columns have the same text only if they are the same', () => {
  const shape = new KeyShape(['binary-text', 'binary-text', 'binary-text'])
  const part = fc.string({ unit: fc.constantFrom('a', '|', '\\'), maxLength: 3 })
  const key = fc.tuple(part, part, part)
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(shape.text(one) === shape.text(other)).toBe(JSON.stringify(one) === JSON.stringify(other))
    }),
    { numRuns: 5_000 },
  )
  expect(shape.text(['a', 'b|c', 'd\\'])).toBe(String.raw`a|b\|c|d\\`)
})

it('the text of one column is its canonical text', () => {
  expect(new KeyShape(['text']).text('a|b')).toBe('a|b')
})

it.each([
  [['integer'], '7x', '"7x" cannot be a shard key of the type "integer". Pass a whole number'],
  [['integer'], 2 ** 60, 'up to 2^53 as a number, beyond that as a bigint'],
  [['integer', 'date'], [1, null], 'NULL is no shard key (column 2 of it): a row without its key belongs to no shard.'],
  [['integer', 'date'], [1], 'A shard key with 1 value was given, and it has 2 columns (integer, date).'],
  [['caseless-text'], 'Größe', 'give the column a binary collation'],
] as const)('a key of %j refuses %j and says what to do', (types, key, message) => {
  expect(() => new KeyShape(types).text(key)).toThrow(message)
})

const all = ['x', 'y']
const owner = (): string => 'y'
const range = (from: unknown, to: unknown, inclusive = true) => ({
  from: { key: from, inclusive },
  to: { key: to, inclusive },
})

it('a range of text that the database may sort otherwise says nothing', () => {
  for (const type of ['text', 'caseless-text', 'uuid'] as const) {
    const [one, other] = type === 'uuid' ? ['f'.repeat(32), '0'.repeat(32)] : ['b', 'A']
    const shape = new KeyShape([type])
    expect(shape.scattered(range(one, other), all, owner)).toEqual(all)
    expect(shape.scattered(range(one, one), all, owner)).toEqual(['y'])
    expect(shape.ends(range(one, other))).toEqual({ low: undefined, high: undefined })
  }
  expect(new KeyShape(['binary-text']).scattered(range('b', 'A'), all, owner)).toEqual([])
})

it('two spellings of one UUID are one key', () => {
  const [one, other] = ['AB'.repeat(16), 'ab'.repeat(16)]
  expect(new KeyShape(['uuid']).scattered(range(one, other), all, owner)).toEqual(['y'])
})

it('two texts with one canonical text may still have others between them', () => {
  expect(new KeyShape(['caseless-text']).scattered(range('A', 'a'), all, owner)).toEqual(all)
  expect(new KeyShape(['text']).scattered(range('a', 'a ', false), all, owner)).toEqual(all)
})

it('behind a column that is not ordered nothing counts, unless that column is given', () => {
  const shape = new KeyShape(['text', 'integer'])
  expect(shape.ends(range(['a', 5], ['b', 1]))).toEqual({ low: undefined, high: undefined })
  expect(shape.ends(range(['a', 5], ['a', 9], false))).toEqual({
    low: { values: ['a', '5'], behind: true },
    high: { values: ['a', '9'], behind: false },
  })
  const other = new KeyShape(['integer', 'text'])
  expect(other.ends(range([1, 'x'], [2, 'y'], false))).toEqual({
    low: { values: ['1'], behind: false },
    high: { values: ['2'], behind: true },
  })
})
