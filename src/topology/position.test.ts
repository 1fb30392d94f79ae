import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseGtidSet } from './gtid-set.ts'
import type { GtidEntry, Position } from './position.ts'
import {
  bytesBetween,
  comparePosition,
  coversLog,
  formatLsn,
  formatPosition,
  mergePositions,
  parseGtidList,
  parseLsn,
  parsePosition,
} from './position.ts'

const lsn = (timeline: number, value: bigint): Position => ({ kind: 'lsn', timeline, lsn: value })
const gtid = (...entries: readonly (readonly [domain: number, server: number, sequence: bigint])[]): Position => ({
  kind: 'gtid',
  domains: new Map(entries.map(([domain, server, sequence]) => [domain, { server, sequence }])),
})
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const other = '8c0bfa47-71ca-11e1-9e33-c80aa9429562'
const gtidSet = (text: string): Position => ({ kind: 'gtid-set', transactions: parseGtidSet(text)! })

// Small numbers, so that timelines, domains and sequences meet; great ones, so that nothing is cut off.
const word = fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 0xffff_ffff }), fc.constant(0xffff_ffff))
const long = fc.oneof(
  fc.bigInt({ min: 0n, max: 3n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constant(2n ** 64n - 1n),
)
const anyEntry: fc.Arbitrary<GtidEntry> = fc.record({ server: word, sequence: long })
const anyLsn: fc.Arbitrary<Position> = fc.record({ kind: fc.constant('lsn' as const), timeline: word, lsn: long })
const anyGtid: fc.Arbitrary<Position> = fc
  .array(fc.tuple(word, anyEntry), { maxLength: 4 })
  .map((entries) => ({ kind: 'gtid', domains: new Map(entries) }))
const anyItem = fc
  .tuple(fc.constantFrom(uuid, other, `${uuid}:tag`), fc.nat({ max: 6 }), fc.nat({ max: 3 }))
  .map(([source, first, more]) => `${source}:${first + 1}-${first + 1 + more}`)
const anyGtidSet = fc.array(anyItem, { maxLength: 4 }).map((items) => gtidSet(items.join(',')))
const anyPosition = fc.oneof(anyLsn, anyGtid, anyGtidSet)
const text = (position: Position | undefined): string | undefined => position && formatPosition(position)
const merged = (a: Position | undefined, b: Position | undefined): Position | undefined =>
  a && b && mergePositions(a, b)

describe('comparePosition', () => {
  it.each([
    ['the same', lsn(1, 7n), lsn(1, 7n), 'reached'],
    ['further', lsn(1, 8n), lsn(1, 7n), 'reached'],
    ['one byte short', lsn(1, 6n), lsn(1, 7n), 'behind'],
    ['a later timeline', lsn(2, 9n), lsn(1, 7n), 'incomparable'],
    ['an earlier timeline', lsn(1, 9n), lsn(2, 7n), 'incomparable'],
    ['another kind', lsn(1, 9n), gtid([0, 1, 7n]), 'incomparable'],
    ['another kind, the other way round', gtid([0, 1, 7n]), lsn(1, 9n), 'incomparable'],
    ['another kind, where nothing is wanted', lsn(1, 9n), gtid(), 'incomparable'],
    ['the next server of a domain', gtid([0, 2, 8n]), gtid([0, 1, 7n]), 'reached'],
    ['a greater server id, but an earlier sequence', gtid([0, 2, 6n]), gtid([0, 1, 7n]), 'behind'],
    ['sequences as numbers, not as texts', gtid([0, 1, 10n]), gtid([0, 1, 9n]), 'reached'],
    ['one of two domains behind', gtid([0, 1, 9n], [1, 1, 3n]), gtid([0, 1, 7n], [1, 1, 4n]), 'behind'],
    ['a domain that is not known', gtid([0, 1, 9n]), gtid([0, 1, 7n], [1, 1, 1n]), 'behind'],
    ['a domain that is not wanted', gtid([0, 1, 9n], [1, 1, 3n]), gtid([0, 1, 7n]), 'reached'],
    ['nothing wanted', gtid(), gtid(), 'reached'],
    ['a set that has all', gtidSet(`${uuid}:1-9,${other}:1`), gtidSet(`${uuid}:7-8`), 'reached'],
    ['a set that is further, with a gap', gtidSet(`${uuid}:1-6:8-9`), gtidSet(`${uuid}:7-8`), 'behind'],
    ['a set without one of the sources', gtidSet(`${uuid}:1-9`), gtidSet(`${other}:1`), 'behind'],
    ['a set without the tag', gtidSet(`${uuid}:1-9`), gtidSet(`${uuid}:tag:1`), 'behind'],
    ['a set, where MariaDB’s GTIDs are wanted', gtidSet(`${uuid}:1-9`), gtid([0, 1, 1n]), 'incomparable'],
    ['MariaDB’s GTIDs, where a set is wanted', gtid([0, 1, 1n]), gtidSet(''), 'incomparable'],
    ['a log position, where a set is wanted', lsn(1, 1n), gtidSet(''), 'incomparable'],
  ] as const)('%s', (_, at, wanted, expected) => {
    expect(comparePosition(at, wanted)).toBe(expected)
  })

  it('is incomparable in both directions or in none', () => {
    fc.assert(
      fc.property(anyPosition, anyPosition, (a, b) => {
        expect(comparePosition(a, b) === 'incomparable').toBe(comparePosition(b, a) === 'incomparable')
      }),
    )
  })
})

describe('mergePositions', () => {
  it('takes the later position, for each domain', () => {
    expect(mergePositions(lsn(1, 7n), lsn(1, 8n))).toEqual(lsn(1, 8n))
    const union = mergePositions(gtid([0, 1, 7n], [1, 1, 4n]), gtid([0, 2, 8n], [2, 1, 1n]))
    expect(text(union)).toBe('gtid:0-2-8,1-1-4,2-1-1')
    const sets = mergePositions(gtidSet(`${uuid}:1-3:8`), gtidSet(`${uuid}:4-7,${other}:1`))
    expect(text(sets)).toBe(`gtid-set:${uuid}:1-8,${other}:1`)
  })

  it('is undefined exactly for incomparable positions', () => {
    fc.assert(
      fc.property(anyPosition, anyPosition, (a, b) => {
        expect(mergePositions(a, b) === undefined).toBe(comparePosition(a, b) === 'incomparable')
      }),
    )
  })

  it('has reached both, and no further: whatever has reached both has reached it', () => {
    fc.assert(
      fc.property(anyPosition, anyPosition, anyPosition, (a, b, other) => {
        const both = mergePositions(a, b)
        if (both === undefined) return
        expect([comparePosition(both, a), comparePosition(both, b)]).toEqual(['reached', 'reached'])
        const hasReachedBoth = comparePosition(other, a) === 'reached' && comparePosition(other, b) === 'reached'
        expect(comparePosition(other, both) === 'reached').toBe(hasReachedBoth)
      }),
    )
  })

  it('depends neither on the order nor on the grouping, and a position merged with itself is the same', () => {
    fc.assert(
      fc.property(anyPosition, anyPosition, anyPosition, (a, b, c) => {
        expect(text(mergePositions(a, b))).toBe(text(mergePositions(b, a)))
        expect(text(merged(merged(a, b), c))).toBe(text(merged(a, merged(b, c))))
        expect(text(mergePositions(a, a))).toBe(text(a))
      }),
    )
  })

  it('leaves its arguments as they are', () => {
    const [a, b] = [gtid([0, 1, 7n]), gtid([0, 2, 8n], [1, 1, 1n])]
    mergePositions(a, b)
    expect([text(a), text(b)]).toEqual(['gtid:0-1-7', 'gtid:0-2-8,1-1-1'])
  })
})

describe('coversLog', () => {
  it.each([
    ['the only domain', gtid([0, 1, 7n]), gtid([0, 1, 5n]), true],
    ['one of two domains', gtid([0, 1, 7n]), gtid([0, 1, 5n], [1, 1, 1n]), false],
    ['the first commit of a second domain', gtid([1, 1, 1n]), gtid([0, 1, 5n]), false],
    ['a log of which nothing is known', gtid([0, 1, 7n]), gtid(), false],
    ['MySQL’s sets, which may have gaps', gtidSet(`${uuid}:7`), gtidSet(`${uuid}:1-5`), false],
    ['a log position', lsn(1, 7n), lsn(1, 5n), false],
  ] as const)('%s', (_, commit, log, expected) => {
    expect(coversLog(commit, log)).toBe(expected)
  })
})

describe('texts', () => {
  it.each([
    ['lsn:3:0/16B3748', lsn(3, 0x16b3748n)],
    ['lsn:1:FFFFFFFF/FFFFFFFF', lsn(1, 2n ** 64n - 1n)],
    ['gtid:0-1-8,1-2-77', gtid([1, 2, 77n], [0, 1, 8n])],
    ['gtid:2-1-1,10-1-1', gtid([10, 1, 1n], [2, 1, 1n])],
    ['gtid:4294967295-4294967295-18446744073709551615', gtid([0xffff_ffff, 0xffff_ffff, 2n ** 64n - 1n])],
    ['gtid:', gtid()],
    ['gtid-set:', gtidSet('')],
    [`gtid-set:${uuid}:1-8,${uuid}:tag:1,${other}:3`, gtidSet(`${other}:3,${uuid}:1-8:tag:1`)],
  ])('%s', (expected, position) => {
    expect(formatPosition(position)).toBe(expected)
    expect(parsePosition(expected)).toEqual(position)
  })

  it('of any position are read back', () => {
    fc.assert(
      fc.property(anyPosition, (position) => {
        expect(parsePosition(formatPosition(position))).toEqual(position)
      }),
    )
  })

  it.each([
    ...'lsn lsn: lsn:3 lsn:3: lsn::0/1 lsn:-1:0/1 lsn:03:0/1 lsn:4294967296:0/1 lsn:3:0/1: lsn:0-1-8 LSN:3:0/1'.split(
      ' ',
    ),
    ...'3:0/1 0/1 gtid gtid:0 gtid:, gtid:0-1-8, gtid:0/1 gtid:3:0/1 mysql:0-1-8 0-1-8 toString'.split(' '),
    ...'|lsn:3:0/1\n| lsn:3:0/1|lsn:3:0/1 |gtid:0-1-8 |gtid: 0-1-8'.split('|'),
  ])('%j is no position', (garbage) => {
    expect(parsePosition(garbage)).toBeUndefined()
  })

  it.each(['', '/', '0/', '/0', '0', '0/G', '0/1 ', '0x0/1', '-1/0', '0/123456789', '123456789/0', '0/1/2', '0-1'])(
    '%j is no log position',
    (garbage) => {
      expect(parseLsn(garbage)).toBeUndefined()
    },
  )

  it('log positions are read in any case and with leading zeros, and written as PostgreSQL 18 does', () => {
    expect(parseLsn('1a/016b3748')).toBe(0x1a_016b_3748n)
    expect(formatLsn(0x1a_016b_3748n)).toBe('1A/16B3748')
    expect(formatLsn(0n)).toBe('0/0')
  })

  it.each([
    ...'0 0-1 0-1-2-3 0-1- -1-2 0-1-2, ,0-1-2 0-1-2,,1-1-1 0-1--2 00-1-2 0-01-2 0-1-02 0-1-0x2 3e1-1-1 a-b-c'.split(
      ' ',
    ),
    ...'4294967296-1-1 0-4294967296-1 0-1-18446744073709551616 0-1-2,0-2-3 3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5'.split(
      ' ',
    ),
    ...'0-1-2 |0-1-2, 1-1-1|0-1-2\n| 0-1-2'.split('|'),
  ])('%j is no list of GTIDs', (garbage) => {
    expect(parseGtidList(garbage)).toBeUndefined()
  })

  it('an empty list of GTIDs is a list', () => {
    expect(parseGtidList('')).toEqual(new Map())
  })

  it('that are garbage throw nothing, and what is read from them is written so that it is read again', () => {
    const nearly = fc
      .array(
        fc.constantFrom(
          'lsn:',
          'gtid:',
          'gtid-set:',
          uuid,
          '0',
          '1',
          '9'.repeat(12),
          'F',
          '/',
          '-',
          ',',
          ':',
          ' ',
          '\n',
        ),
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly), (garbage) => {
        parseLsn(garbage)
        parseGtidList(garbage)
        const position = parsePosition(garbage)
        if (position !== undefined) expect(parsePosition(formatPosition(position))).toEqual(position)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('bytesBetween', () => {
  it.each([
    ['what is missing', lsn(1, 0xffff_ffffn), lsn(1, 0x1_0000_000fn), 16],
    ['nothing, at the same', lsn(1, 5n), lsn(1, 5n), 0],
    ['nothing, for a server that is further', lsn(1, 9n), lsn(1, 5n), 0],
    ['unknown across timelines', lsn(1, 5n), lsn(2, 9n), undefined],
    ['unknown for GTIDs', gtid([0, 1, 5n]), gtid([0, 1, 9n]), undefined],
    ['unknown for two kinds', lsn(1, 5n), gtid(), undefined],
    ['unknown for sets', gtidSet(`${uuid}:1`), gtidSet(`${uuid}:1-9`), undefined],
  ])('%s', (_, behind, ahead, expected) => {
    expect(bytesBetween(behind, ahead)).toBe(expected)
  })
})
