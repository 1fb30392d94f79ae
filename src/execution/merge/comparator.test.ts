import { describe, expect, it } from 'vitest'
import { MergeError } from '../../errors.ts'
import { comparatorOf, type SortKey } from './comparator.ts'
import type { SortType } from './sort-type.ts'

type Row = readonly unknown[]

const key = (index: number, type: SortType, options: Partial<SortKey<Row>> = {}): SortKey<Row> => ({
  of: (row) => row[index],
  type,
  descending: false,
  nulls: 'last',
  ...options,
})

function sorted(rows: readonly Row[], ...keys: SortKey<Row>[]): Row[] {
  const { keyOf, compare } = comparatorOf(keys)
  return rows.toSorted((a, b) => compare(keyOf(a), keyOf(b)))
}

const column = (type: SortType, values: readonly unknown[]) =>
  sorted(
    values.map((value) => [value]),
    key(0, type),
  ).flat()
const compared = (type: SortType, a: unknown, b: unknown) => {
  const { keyOf, compare } = comparatorOf([key(0, type)])
  return Math.sign(compare(keyOf([a]), keyOf([b])))
}

describe('the order of several keys', () => {
  it('goes to the next one where values are equal, each with its own direction', () => {
    const rows = [
      [1, 'b'],
      [2, 'a'],
      [1, 'a'],
      [2, 'b'],
    ]
    expect(sorted(rows, key(0, 'number', { descending: true }), key(1, 'bytewise-text'))).toEqual([
      [2, 'a'],
      [2, 'b'],
      [1, 'a'],
      [1, 'b'],
    ])
  })

  it('puts NULLs where they are wanted, in both directions', () => {
    for (const descending of [false, true]) {
      expect(sorted([[1], [null], [2]], key(0, 'number', { descending, nulls: 'first' }))[0]).toEqual([null])
      expect(sorted([[1], [null], [2]], key(0, 'number', { descending, nulls: 'last' }))[2]).toEqual([null])
    }
    const rows = [
      [null, 2],
      [null, 1],
    ]
    expect(sorted(rows, key(0, 'number'), key(1, 'number'))).toEqual([
      [null, 1],
      [null, 2],
    ])
  })

  it('is none for no key', () => {
    expect(sorted([[2], [1]])).toEqual([[2], [1]])
  })
})

describe('the order of one key', () => {
  it('is that of code points, where JavaScript compares UTF-16', () => {
    expect(['😀', 'ﬀ'].toSorted()).toEqual(['😀', 'ﬀ'])
    expect(column('bytewise-text', ['😀', 'ﬀ', '\ue000', '\ud7ff', 'a'])).toEqual(['a', '\ud7ff', '\ue000', 'ﬀ', '😀'])
  })

  it('fills a padded text with spaces, and does not only trim it', () => {
    expect(compared('padded-text', 'a', 'a  ')).toBe(0)
    expect(compared('padded-text', 'a\t', 'a')).toBe(-1)
    expect(compared('rtrim-text', 'a\t', 'a')).toBe(1)
    expect(compared('padded-text', 'a!', 'a')).toBe(1)
  })

  it('takes numbers in each of their forms', () => {
    expect(
      column('number', ['9007199254740993', 9007199254740991, 9007199254740992n, '-18446744073709551616', 0.5]),
    ).toEqual(['-18446744073709551616', 0.5, 9007199254740991, 9007199254740992n, '9007199254740993'])
  })

  it('reads dates in each of their forms, and the moment counts, not its text', () => {
    const moments = ['2024-01-01 05:30:00+05:30', '2024-01-01T00:00:00Z', new Date('2024-01-01T00:00:00Z')]
    for (const a of moments) for (const b of moments) expect(compared('timestamp', a, b)).toBe(0)
    expect(compared('timestamp', '2024-01-01 00:00:00.1+00', '2024-01-01 00:00:00.1000000000001+00')).toBe(-1)
    expect(compared('timestamp', '0044-03-15 00:00:00 BC', '0043-03-15 00:00:00 BC')).toBe(-1)
    expect(compared('timestamp', '10000-01-01 00:00:00', '9999-12-31 00:00:00')).toBe(1)
    expect(compared('timestamp', new Date(-1), '1969-12-31 23:59:59.999+00')).toBe(0)
    expect(compared('timestamp', '2024-01-01 00:00:00.1+00', '2024-01-01 00:00:00.100+00')).toBe(0)
    expect(compared('timestamp', new Date('-000043-03-15T00:00:00Z'), '0044-03-15 00:00:00+00 BC')).toBe(0)
    expect(compared('timestamp', '-infinity', new Date(0))).toBe(-1)
    expect(compared('date', Infinity, '294276-12-31')).toBe(1)
  })

  it('refuses to compare moments with local times', () => {
    expect(() => compared('timestamp', '2024-01-01 00:00:00', '2024-01-01 00:00:00+00')).toThrow(MergeError)
    expect(() => compared('timestamp', '2024-01-01 00:00:00', new Date(0))).toThrow(/cannot be compared/)
  })

  it('counts -0 as 0 and NaN as equal to itself, above all', () => {
    expect(compared('float', -0, 0)).toBe(0)
    expect(compared('float', NaN, NaN)).toBe(0)
    expect(column('float', ['NaN', Infinity, 1, '-Infinity'])).toEqual(['-Infinity', 1, Infinity, 'NaN'])
    expect(compared('decimal', '-0.00', '0')).toBe(0)
  })

  it('takes truths as PostgreSQL writes them in rows that no parser has seen', () => {
    expect(compared('boolean', 'f', 't')).toBe(-1)
    expect(compared('boolean', 't', true)).toBe(0)
  })

  it('compares decimals of thousands of digits', () => {
    const zeros = '0'.repeat(16_000)
    expect(compared('decimal', `1.${zeros}1`, `1.${zeros}2`)).toBe(-1)
    expect(compared('decimal', `-1${zeros}`, `-1${zeros}.${zeros}`)).toBe(0)
  })
})

describe('a value that its type does not have', () => {
  const strange: readonly (readonly [SortType, readonly unknown[]])[] = [
    ['number', [2 ** 53, NaN, Infinity, '1.5', '', '1e3', true, new Date(), {}]],
    ['decimal', [1, 1.5, '1e3', '', '.', '-', 'nan', ' 1']],
    ['float', ['one', '', ' ', 1n, '0x10']],
    ['boolean', [2, 'T', 'true', 2n]],
    ['bytes', ['abc', String.raw`\xabc`, [1]]],
    ['bytewise-text', [1, Buffer.from('a')]],
    ['padded-text', [1]],
    ['rtrim-text', [1]],
    ['nocase-text', [1]],
    ['uuid', ['no', Buffer.alloc(16)]],
    [
      'timestamp',
      ['1/2/2024', 'now', new Date(NaN), 0, '2024-13-01', '2024-01-32 00:00:00', '2024-01-01 99:00:00', NaN],
    ],
    ['date', ['01.02.2024', '24-01-01']],
    ['time', ['noon', '12:00', 12]],
    ['sqlite', [NaN, true, new Date(), {}]],
  ]
  it.each(strange)('is refused: %s', (type, values) => {
    const { keyOf } = comparatorOf([key(0, type)])
    for (const value of [...values, undefined])
      expect(() => keyOf([value]), String(value)).toThrow(expect.objectContaining({ code: 'SIGNALBOX_MERGE' }))
  })

  it('is not shown in the message, which names the key and the form', () => {
    const { keyOf } = comparatorOf([key(0, 'number'), key(1, 'decimal')])
    expect(() => keyOf([1, 'secret'])).toThrow(/^(?!.*secret).*key 2 .*"decimal".*text of 6 characters/)
    expect(() => keyOf([1])).toThrow(/no value/)
  })
})
