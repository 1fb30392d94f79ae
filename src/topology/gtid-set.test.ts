import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  formatGtidSet,
  gtidSetLimits,
  hasGtids,
  parseGtidSet,
  parseOwnedGtids,
  uniteGtidSets,
  type GtidSet,
} from './gtid-set.ts'

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const b = '8c0bfa47-71ca-11e1-9e33-c80aa9429562'

function set(text: string): GtidSet {
  const parsed = parseGtidSet(text)
  if (parsed === undefined) throw new Error(`This is no set: ${text}`)
  return parsed
}

/** The oracle: every transaction by itself, of a text that MySQL's documentation explains in the same words. */
function listed(text: string): Set<string> {
  const found = new Set<string>()
  for (const item of text.split(',').filter((each) => each !== '')) {
    const [uuid, ...parts] = item.split(':')
    let tag = ''
    for (const part of parts) {
      if (!/^\d/.test(part)) {
        tag = part
        continue
      }
      const [first, last = first] = part.split('-').map(Number)
      for (let number = first ?? 0; number <= (last ?? 0); number += 1) found.add(`${uuid}:${tag}:${number}`)
    }
  }
  return found
}

function isPart(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((each) => whole.has(each))
}

function both(one: string, other: string): string {
  return [one, other].filter((each) => each !== '').join(',')
}

// Few sources and small numbers, so that intervals overlap, touch, and leave gaps.
const anyInterval = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 4 }))
  .map(([first, more]) => (more === 0 ? `${first}` : `${first}-${first + more}`))
const anyIntervals = fc.array(anyInterval, { minLength: 1, maxLength: 4 }).map((each) => each.join(':'))
const anyItem = fc
  .tuple(
    fc.constantFrom(a, b),
    fc.option(anyIntervals),
    fc.array(fc.tuple(fc.constantFrom('tag', '_t'), anyIntervals), { maxLength: 2 }),
  )
  .filter(([, untagged, tagged]) => untagged !== null || tagged.length > 0)
  .map(([uuid, untagged, tagged]) => [uuid, ...(untagged === null ? [] : [untagged]), ...tagged.flat()].join(':'))
const anyText = fc.array(anyItem, { maxLength: 3 }).map((items) => items.join(','))

const fewTransactions = fc.tuple(fc.constantFrom(a, `${a}:tag`), anyInterval).map((each) => each.join(':'))

describe('a set of GTIDs', () => {
  it('has the transactions that its text names, and is written so that it is read again', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = formatGtidSet(set(text))
        expect(listed(written)).toEqual(listed(text))
        expect(set(written)).toEqual(set(text))
      }),
      { numRuns: 500 },
    )
  })

  it('is written alike whenever it is the same', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const isSame = isPart(listed(one), listed(other)) && isPart(listed(other), listed(one))
        expect(formatGtidSet(set(one)) === formatGtidSet(set(other))).toBe(isSame)
      }),
      { numRuns: 500 },
    )
  })

  it('contains another one if all of its transactions are there', () => {
    let contained = 0
    fc.assert(
      fc.property(anyText, fc.oneof(anyText, fewTransactions), (whole, part) => {
        const expected = isPart(listed(part), listed(whole))
        contained += expected && part !== '' ? 1 : 0
        expect(hasGtids(set(whole), set(part))).toBe(expected)
        expect(hasGtids(set(both(whole, part)), set(part))).toBe(true)
      }),
      { numRuns: 1_000 },
    )
    expect(contained).toBeGreaterThan(20)
  })

  it('and another one have a union with the transactions of both, and no others', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const [left, right] = [set(one), set(other)]
        const before = [formatGtidSet(left), formatGtidSet(right)]
        const union = uniteGtidSets(left, right)
        expect(union && listed(formatGtidSet(union))).toEqual(listed(both(one, other)))
        expect(union).toEqual(set(both(one, other)))
        expect([formatGtidSet(left), formatGtidSet(right)]).toEqual(before)
      }),
      { numRuns: 500 },
    )
  })
})

describe('texts', () => {
  it.each([
    ['', ''],
    [' \n', ''],
    [`${a}:1`, `${a}:1`],
    [`${a.toUpperCase()}:1-3`, `${a}:1-3`],
    [`${b}:1-5,\n${a}:1-3:11:47-49`, `${a}:1-3:11:47-49,${b}:1-5`],
    [` ${a} : 1-3 : 4 `, `${a}:1-4`],
    [`${a}:1-3:2-7:9`, `${a}:1-7:9`],
    [`${a}:7,${a}:1-5,${a}:6`, `${a}:1-7`],
    [`${a}:Tag:1`, `${a}:tag:1`],
    [`${a}:1-4:aaaa:1:abc:1-3:5`, `${a}:1-4,${a}:aaaa:1,${a}:abc:1-3:5`],
    [`${a}:1-9223372036854775807`, `${a}:1-9223372036854775807`],
    [`${a}:x${'y'.repeat(31)}:1`, `${a}:x${'y'.repeat(31)}:1`],
  ])('%j', (text, expected) => {
    expect(formatGtidSet(set(text))).toBe(expected)
  })

  it.each([
    ...`${a}|${a}:|${a}:0|${a}:0-3|${a}:01|${a}:3-1|${a}:-1|${a}:1-|${a}:1-2-3|${a}:1:|${a}::1|${a}:9223372036854775808`.split(
      '|',
    ),
    ...`,|${a}:1,|,${a}:1|${a}:1,,${b}:1|${a}:1 ${b}:1|${a}:1;${b}:1|:1|1-5|0-1-8|${a.slice(1)}:1|${a.replaceAll('-', '')}:1`.split(
      '|',
    ),
    ...`${a}:tag|${a}:1:tag|${a}:tag:other:1|${a}:7tag:1|${a}:t-g:1|${a}:t.g:1|${a}:1:é:1|${a}:x${'y'.repeat(32)}:1`.split(
      '|',
    ),
  ])('%j is no set', (garbage) => {
    expect(parseGtidSet(garbage)).toBeUndefined()
  })

  it.each([
    ['', ''],
    [`${a}:5#12`, `${a}:5`],
    [`${a}:5#12:7#13${b}:1#14`, `${a}:5:7,${b}:1`],
    [`${a}:5#12${a}:tag:1#13${b.toUpperCase()}:1#14`, `${a}:5,${a}:tag:1,${b}:1`],
    [`${a}:5#12,${b}:1#14`, `${a}:5,${b}:1`],
  ])('%j is what is being committed', (text, expected) => {
    expect(parseOwnedGtids(text)).toEqual(set(expected))
  })

  it.each([`${a}:5#`, `${a}:#12`, a, `5#12`, `${a}:5#12#13:x`])('%j is nothing that could be', (garbage) => {
    expect(parseOwnedGtids(garbage)).toBeUndefined()
  })

  it('that are garbage throw nothing, and what is read from them is written so that it is read again', () => {
    const nearly = fc
      .array(fc.constantFrom(a, b, ':', ',', '-', '1', '9', 'tag', ' ', '\n', '9'.repeat(19)))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly), (garbage) => {
        const parsed = parseGtidSet(garbage)
        if (parsed !== undefined) expect(parseGtidSet(formatGtidSet(parsed))).toEqual(parsed)
      }),
      { numRuns: 500 },
    )
  })
})

describe('limits', () => {
  const odd = (count: number): string => Array.from({ length: count }, (_, index) => 1 + 2 * index).join(':')

  it('are 256 intervals, over all sources, counted when those that touch have been joined', () => {
    const { intervals } = gtidSetLimits
    expect(parseGtidSet(`${a}:${odd(intervals - 1)},${b}:1-3:2-7`)).toBeDefined()
    expect(parseGtidSet(`${a}:${odd(intervals - 1)},${b}:1-3:5-7`)).toBeUndefined()
  })

  it('hold for a union', () => {
    const full = set(`${a}:${odd(gtidSetLimits.intervals)}`)
    expect(uniteGtidSets(full, set(`${b}:1`))).toBeUndefined()
    expect(uniteGtidSets(full, set(`${a}:2-7`))).toBeDefined()
  })

  it('hold for the text, before it is read', () => {
    const padded = (length: number): string => `${a}:1`.padEnd(length)
    expect(parseGtidSet(padded(gtidSetLimits.characters))).toEqual(set(`${a}:1`))
    expect(parseGtidSet(padded(gtidSetLimits.characters + 1))).toBeUndefined()
  })
})
