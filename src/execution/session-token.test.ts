import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseGtidSet } from '../topology/gtid-set.ts'
import { comparePosition, formatPosition, type GtidEntry, type Position } from '../topology/position.ts'
import { encodeToken, inTime, mergeEntries, tokenLimits, verifyToken, type TokenEntry } from './session-token.ts'

/** As a session reads it that has not seen it before. */
function decodeToken(token: unknown, keys: readonly string[], now: number, maxAgeMs: number) {
  const content = verifyToken(token, keys)
  const read = 'fault' in content ? content : inTime(content, now, maxAgeMs)
  return 'fault' in read ? read : { entries: read.entries }
}

const key = 'a key of more than sixteen bytes'
const otherKey = 'another key of more than sixteen'
const issuedAt = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const day = 86_400_000

const lsn = (timeline: number, value: bigint): Position => ({ kind: 'lsn', timeline, lsn: value })
const gtid = (...entries: readonly (readonly [number, GtidEntry])[]): Position => ({
  kind: 'gtid',
  domains: new Map(entries),
})
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const gtidSet = (text: string): Position => ({ kind: 'gtid-set', transactions: parseGtidSet(text)! })
const shop: TokenEntry = { database: 'shop', shard: 'main', position: lsn(3, 0x16_b374_8123n) }
const reviews: TokenEntry = {
  database: 'reviews',
  shard: 'main',
  position: gtid([0, { server: 1, sequence: 8n }], [1, { server: 2, sequence: 77n }]),
}
const archive: TokenEntry = { database: 'archive', shard: '-80', position: undefined }

const decoded = (token: unknown): ReturnType<typeof decodeToken> => decodeToken(token, [key], issuedAt, day)
const numbered = (count: number): readonly TokenEntry[] =>
  Array.from({ length: count }, (_, index) => ({ ...shop, shard: `shard ${index}` }))

/** A token around any content, as only somebody with the key can make it. */
function tokenAround(content: Uint8Array): string {
  const signed = `s1.${Buffer.from(content).toString('base64url')}`
  const signature = createHmac('sha256', key).update(signed).digest().subarray(0, 16)
  return `${signed}.${signature.toString('base64url')}`
}

const word = fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 0xffff_ffff }))
const long = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
const anyPosition: fc.Arbitrary<Position | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.tuple(word, long).map(([timeline, value]) => lsn(timeline, value)),
  fc.array(fc.tuple(word, fc.record({ server: word, sequence: long })), { maxLength: 3 }).map((list) => gtid(...list)),
  fc
    .array(fc.tuple(fc.constantFrom(uuid, `${uuid}:tag`, uuid.replace('3', '4')), long, long), { maxLength: 4 })
    .map((list) => list.map(([source, a, b]) => `${source}:${1n + (a < b ? a : b) / 2n}-${1n + (a < b ? b : a) / 2n}`))
    .map((list) => parseGtidSet(list.join(',')))
    .map((transactions): Position | undefined => transactions && { kind: 'gtid-set', transactions }),
)
// Few names, so that entries meet; and any UTF-16 at all, halves of surrogate pairs included.
const anyUtf16 = fc.array(fc.nat({ max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units))
const anyName = fc.oneof(fc.constantFrom('a', 'b'), fc.string({ unit: 'grapheme', maxLength: 6 }), anyUtf16)
const anyEntries = fc.array(fc.record({ database: anyName, shard: anyName, position: anyPosition }), { maxLength: 6 })
const text = (entries: readonly TokenEntry[]): readonly string[] =>
  entries.map(({ database, shard, position }) =>
    JSON.stringify([database, shard, position === undefined ? 'unknown' : formatPosition(position)]),
  )

describe('a token', () => {
  it('brings every entry back, by database and shard', () => {
    expect(decoded(encodeToken([shop, reviews, archive], [key], issuedAt))).toEqual({
      entries: [archive, reviews, shop],
    })
    expect(decoded(encodeToken([], [key], issuedAt))).toEqual({ entries: [] })
  })

  it('brings any entries back, whatever the characters of their names', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        expect(decoded(encodeToken(entries, [key], issuedAt))).toEqual({ entries: mergeEntries(entries, []) })
      }),
      { numRuns: 500 },
    )
  })

  it('does not mix up names that differ only in half a surrogate pair', () => {
    const entries = ['\ud800', '\ud801', '\ufffd', '\ufeff'].map((database) => ({ ...shop, database }))
    expect(decoded(encodeToken(entries, [key], issuedAt))).toEqual({ entries: mergeEntries(entries, []) })
    expect(mergeEntries(entries, [])).toHaveLength(4)
  })

  it('is short, and made of characters that cookies and URLs leave alone', () => {
    const token = encodeToken([{ ...shop, position: lsn(0xffff_ffff, 2n ** 64n - 1n) }], [key], issuedAt)
    expect(token.length).toBeLessThan(80)
    expect(token).toMatch(/^s1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/)
    expect(encodeURIComponent(token)).toBe(token)
    expect(encodeToken([shop], [key], issuedAt)).toHaveLength(60)
  })

  it('has had this form since it was first given away, and is signed over all that is before the signature', () => {
    const token =
      's1.rp6m5bczAwAOYXJjaGl2ZQYtODACDnJldmlld3MIbWFpbgIAAQgBAk0BCHNob3AIbWFpbgOjgtKb6wI.dSKyPf9dHj_V0hHlul9ktw'
    expect(encodeToken([shop, reviews, archive], [key], issuedAt)).toBe(token)
    const signed = token.slice(0, token.lastIndexOf('.'))
    expect(tokenAround(Buffer.from(signed.slice(3), 'base64url'))).toBe(token)
  })
})

describe('keys', () => {
  it('the first one signs, and all of them verify', () => {
    const token = encodeToken([shop], [key, otherKey], issuedAt)
    expect(token).toBe(encodeToken([shop], [key], issuedAt))
    expect(decodeToken(token, [otherKey, key], issuedAt, day)).toEqual({ entries: [shop] })
    expect(decodeToken(token, [otherKey], issuedAt, day)).toEqual({ fault: 'signature' })
    expect(decodeToken(token, [], issuedAt, day)).toEqual({ fault: 'signature' })
  })

  it('without one there is no token', () => {
    expect(() => encodeToken([shop], [], issuedAt)).toThrow(RangeError)
  })
})

describe('time', () => {
  const token = encodeToken([shop], [key], issuedAt)
  it.each([
    ['at its age limit', issuedAt + day, day, undefined],
    ['a millisecond later', issuedAt + day + 1, day, 'expired'],
    ['without an age limit', issuedAt + 1_000 * day, Infinity, undefined],
    ['from a clock that is 5 minutes ahead', issuedAt - tokenLimits.clockSkewMs, day, undefined],
    ['from further in the future', issuedAt - tokenLimits.clockSkewMs - 1, day, 'malformed'],
    ['at no time', Number.NaN, day, 'malformed'],
    ['with an age limit that is no number', issuedAt, Number.NaN, 'expired'],
  ])('%s', (_, now, maxAgeMs, fault) => {
    expect(decodeToken(token, [key], now, maxAgeMs)).toEqual(fault === undefined ? { entries: [shop] } : { fault })
  })

  it('counts from a fraction of a millisecond downwards, and is refused where it is none', () => {
    expect(encodeToken([shop], [key], issuedAt + 0.9)).toBe(token)
    for (const wrong of [-1, Number.NaN, Infinity]) expect(() => encodeToken([shop], [key], wrong)).toThrow(RangeError)
  })
})

describe('limits', () => {
  it('64 entries are a token, and 65 are not', () => {
    const full = numbered(tokenLimits.entries)
    expect(decoded(encodeToken(full, [key], issuedAt))).toEqual({ entries: mergeEntries(full, []) })
    expect(() => encodeToken(numbered(tokenLimits.entries + 1), [key], issuedAt)).toThrow(/up to 64 shards, .* 65$/)
    expect(() => encodeToken([...full, ...full], [key], issuedAt)).not.toThrow()
  })

  it('4,096 characters are a token, and more are not', () => {
    const length = (name: number): number =>
      encodeToken([{ ...shop, database: 'x'.repeat(name) }], [key], issuedAt).length
    expect(length(3_025)).toBeGreaterThan(tokenLimits.characters - 40)
    expect(() => length(3_060)).toThrow(/up to 4096 characters/)
    expect(() => length(100_000)).toThrow(RangeError)
  })

  it('a set of GTIDs that takes more than 512 bytes becomes a position that nobody knows', () => {
    const sources = (count: number): string =>
      Array.from({ length: count }, (_, index) => uuid.slice(2).padStart(36, `${10 + index}`) + ':1-987654321').join(
        ',',
      )
    const gaps = (count: number): string =>
      `${uuid}:1-987654321:${Array.from({ length: count }, (_, index) => `${987654323 + index * 30_000}-${987664322 + index * 30_000}`).join(':')}`
    const through = (text: string) => decoded(encodeToken([{ ...shop, position: gtidSet(text) }], [key], issuedAt))
    for (const text of [sources(20), gaps(80)]) {
      expect(through(text)).toEqual({ entries: [{ ...shop, position: gtidSet(text) }] })
    }
    for (const text of [sources(30), gaps(200)]) {
      expect(through(text)).toEqual({ entries: [{ ...shop, position: undefined }] })
    }
  })

  it('all sets of GTIDs become unknown where the token would be too long otherwise, and nothing else does', () => {
    const position = gtidSet(
      Array.from({ length: 10 }, (_, index) => `${uuid.slice(0, -1)}${index}:1-987654321`).join(','),
    )
    const entries = numbered(20).map((entry, index) => (index === 0 ? entry : { ...entry, position }))
    const some = entries.slice(0, 8)
    expect(decoded(encodeToken(some, [key], issuedAt))).toEqual({ entries: mergeEntries(some, []) })
    const unknown = entries.map((entry, index) => (index === 0 ? entry : { ...entry, position: undefined }))
    expect(decoded(encodeToken(entries, [key], issuedAt))).toEqual({ entries: mergeEntries(unknown, []) })
  })

  it('hold for what is decoded, also if it is signed', () => {
    // issuedAt 0, then as many entries of unknown position as it says, each with two empty names.
    const content = (count: number): Uint8Array => Uint8Array.of(0, count, ...Array<number>(count * 3).fill(0))
    expect(decodeToken(tokenAround(content(64)), [key], 0, day)).toMatchObject({ entries: { length: 64 } })
    expect(decodeToken(tokenAround(content(65)), [key], 0, day)).toEqual({ fault: 'malformed' })
    expect(decoded(tokenAround(Buffer.alloc(4_000)))).toEqual({ fault: 'malformed' })
  })

  it.each([
    ['a negative log position', lsn(1, -1n)],
    ['a log position of more than 64 bits', lsn(1, 2n ** 64n)],
    ['a timeline that is no whole number', lsn(1.5, 1n)],
    ['a timeline of more than 32 bits', lsn(2 ** 32, 1n)],
    ['a domain that is negative', gtid([-1, { server: 1, sequence: 1n }])],
    [
      'a transaction of more than 63 bits',
      { kind: 'gtid-set', transactions: new Map([[uuid, [{ first: 1n, last: 2n ** 63n + 1n }]]]) },
    ],
    [
      'intervals out of order',
      {
        kind: 'gtid-set',
        transactions: new Map([
          [
            uuid,
            [
              { first: 3n, last: 3n },
              { first: 1n, last: 1n },
            ],
          ],
        ]),
      },
    ],
    ['a source that is none', { kind: 'gtid-set', transactions: new Map([['db1', [{ first: 1n, last: 1n }]]]) }],
    ['a sequence of more than 64 bits', gtid([0, { server: 1, sequence: 2n ** 64n }])],
  ] satisfies readonly (readonly [string, Position])[])('%s is refused when it is written', (_, position) => {
    expect(() => encodeToken([{ ...shop, position }], [key], issuedAt)).toThrow(RangeError)
  })
})

describe('what is no token', () => {
  const token = encodeToken([shop, reviews], [key], issuedAt)
  const [, content = '', signature = ''] = token.split('.')

  const others: readonly unknown[] = [undefined, null, 1, 1n, true, Symbol('s1'), {}, [], [token], () => token]
  const disguised: readonly unknown[] = [
    { toString: () => token, length: token.length },
    Object.create(null),
    new Proxy({}, { get: () => expect.unreachable() }),
    Buffer.from(token),
  ]
  const texts: readonly string[] = [
    ...'|s1|s1.|s1..|s|s.|.|..| |\0'.split('|'),
    ...`s1.${content}|s1.${content}.|s1..${signature}|.${content}.${signature}|S1.${content}.${signature}`.split('|'),
    ...` ${token}|${token}\n|\n${token}|${token}=|${token}.|"${token}"|${token}A|${token.slice(0, -1)}`.split('|'),
    ...`s1.${content}+.${signature}|s1.${content}é.${signature}|s1.${content}..${signature}`.split('|'),
    `s1.${'A'.repeat(10_000_000)}.${signature}`,
  ]

  it('is malformed', () => {
    for (const garbage of [...others, ...disguised, ...texts]) expect(decoded(garbage)).toEqual({ fault: 'malformed' })
    expect(decoded(token)).toHaveProperty('entries')
  })

  it.each([`s2.${content}.${signature}`, `s12.${content}.${signature}`, 's0.x', 's2.', 's2.%%%'])(
    'is of another version: %s',
    (other) => {
      expect(decoded(other)).toEqual({ fault: 'version' })
    },
  )

  it.each([
    ['the content of another token', `s1.${encodeToken([shop], [key], issuedAt).split('.')[1]}.${signature}`],
    ['a shortened content', `s1.${content.slice(1)}.${signature}`],
    ['a lengthened content', `s1.${content}A.${signature}`],
    ['a signature of zeros', `s1.${content}.${'A'.repeat(22)}`],
  ])('is signed by nobody: %s', (_, forged) => {
    expect(decoded(forged)).toEqual({ fault: 'signature' })
  })

  it('no bit can be flipped, and no character replaced', () => {
    for (const each of [token, encodeToken([archive], [key], issuedAt)]) {
      for (let index = 0; index < each.length; index += 1) {
        for (let bit = 0; bit < 16; bit += 1) {
          const flipped = String.fromCharCode(each.charCodeAt(index) ^ (1 << bit))
          expect(decoded(each.slice(0, index) + flipped + each.slice(index + 1))).toHaveProperty('fault')
        }
      }
    }
  })

  it('nothing else is accepted of any token that is changed somewhere', () => {
    fc.assert(
      fc.property(anyEntries, fc.nat(), fc.nat({ max: 2 }), fc.string({ maxLength: 3 }), (entries, at, drop, put) => {
        const genuine = encodeToken(entries, [key], issuedAt)
        const start = at % (genuine.length + 1)
        const changed = genuine.slice(0, start) + put + genuine.slice(start + drop)
        if (changed !== genuine) expect(decoded(changed)).toHaveProperty('fault')
      }),
      { numRuns: 1_000 },
    )
  })

  it('throws nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withBigInt: true }), fc.string({ unit: 'binary' })), (anything) => {
        expect(decoded(anything)).toHaveProperty('fault')
      }),
      { numRuns: 1_000 },
    )
  })

  it('throws nothing either if it is signed by a program that uses the same key', () => {
    const nearly = fc
      .tuple(anyEntries, fc.nat(), fc.nat({ max: 255 }), fc.boolean())
      .map(([entries, at, byte, isCut]) => {
        const bytes = Buffer.from(encodeToken(entries, [key], issuedAt).split('.')[1] ?? '', 'base64url')
        bytes[at % bytes.length] = byte
        return isCut ? bytes.subarray(0, at % bytes.length) : bytes
      })
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array()), (bytes) => {
        const result = decodeToken(tokenAround(bytes), [key], issuedAt, Infinity)
        // What is accepted can be written again, so it holds no number out of range.
        if ('entries' in result) encodeToken(result.entries, [key], issuedAt)
        else expect(result.fault).toMatch(/^(?:malformed|signature)$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is malformed if a domain comes twice', () => {
    // issuedAt 0, one entry: GTIDs, two empty names, two domains.
    const head = [0, 1, 2, 0, 0, 2]
    const around = (...domains: readonly number[]): string => tokenAround(Uint8Array.of(...head, ...domains))
    expect(decodeToken(around(0, 1, 8, 1, 2, 77), [key], 0, day)).toHaveProperty('entries')
    expect(decodeToken(around(0, 1, 8, 0, 2, 9), [key], 0, day)).toEqual({ fault: 'malformed' })
    expect(decodeToken(around(0, 1, 8, 0, 2, 9, 1, 2, 77), [key], 0, day)).toEqual({ fault: 'malformed' })
  })

  it('is malformed if a set of GTIDs is written in another way than the one that there is', () => {
    // issuedAt 0, one entry: a set, two empty names, one source; then its UUID, no tag, and its intervals.
    const around = (sources: number, ...rest: readonly number[]): unknown =>
      decodeToken(tokenAround(Uint8Array.of(0, 1, 3, 0, 0, sources, ...rest)), [key], 0, day)
    const source = Array<number>(16).fill(0xab)
    expect(around(1, ...source, 0, 2, 1, 6, 2, 0)).toEqual({
      entries: [{ database: '', shard: '', position: gtidSet('abababab-abab-abab-abab-abababababab:1-7:9') }],
    })
    const malformed: readonly (readonly [why: string, sources: number, ...rest: readonly number[]])[] = [
      ['no interval', 1, ...source, 0, 0],
      ['a transaction 0', 1, ...source, 0, 1, 0, 6],
      ['intervals that touch', 1, ...source, 0, 2, 1, 6, 1, 0],
      ['intervals that overlap', 1, ...source, 0, 2, 1, 6, 0, 0],
      ['a tag that is none', 1, ...source, 2, 0x2d, 1, 1, 6],
      [
        'a source that comes twice',
        2,
        ...source,
        0,
        1,
        1,
        6,
        ...source,
        0,
        1,
        9,
        0,
        ...Array<number>(16).fill(1),
        0,
        1,
        1,
        6,
      ],
      ['more intervals than a set has', 1, ...source, 0, 0x81, 0x02, 1, 6],
      ['half a UUID', 1, ...source.slice(8)],
    ]
    for (const [why, ...rest] of malformed) expect(around(...rest), why).toEqual({ fault: 'malformed' })
  })

  it('is malformed if its content ends early, or late', () => {
    const bytes = Buffer.from(content, 'base64url')
    for (let end = 1; end < bytes.length; end += 1) {
      expect(decoded(tokenAround(bytes.subarray(0, end)))).toEqual({ fault: 'malformed' })
    }
    expect(decoded(tokenAround(Buffer.concat([bytes, Buffer.alloc(1)])))).toEqual({ fault: 'malformed' })
    expect(decoded(tokenAround(bytes))).toHaveProperty('entries')
  })
})

describe('mergeEntries', () => {
  const at = (position: Position | undefined, shard = 'main'): TokenEntry => ({ database: 'shop', shard, position })

  it.each([
    ['the later position', [at(lsn(1, 7n))], [at(lsn(1, 8n))], [at(lsn(1, 8n))]],
    ['each shard by itself', [at(lsn(1, 7n), 'b')], [at(lsn(1, 8n), 'a')], [at(lsn(1, 8n), 'a'), at(lsn(1, 7n), 'b')]],
    ['unknown across timelines', [at(lsn(1, 7n))], [at(lsn(2, 8n))], [at(undefined)]],
    ['unknown stays unknown', [at(undefined)], [at(lsn(2, 8n))], [at(undefined)]],
    ['entries of one list', [at(lsn(1, 7n)), at(lsn(1, 9n))], [], [at(lsn(1, 9n))]],
    ['nothing', [], [], []],
  ])('%s', (_, a, b, expected) => {
    expect(mergeEntries(a, b)).toEqual(expected)
    expect(mergeEntries(b, a)).toEqual(expected)
  })

  it('does not take parts of names for one another', () => {
    const entries = [
      { database: 'a', shard: 'b","c', position: undefined },
      { database: 'a","b', shard: 'c', position: undefined },
    ]
    expect(mergeEntries(entries, [])).toHaveLength(2)
  })

  it('depends neither on the order nor on the grouping, and merges a list with itself to the same', () => {
    fc.assert(
      fc.property(anyEntries, anyEntries, anyEntries, (a, b, c) => {
        expect(text(mergeEntries(a, b))).toEqual(text(mergeEntries(b, a)))
        expect(text(mergeEntries(mergeEntries(a, b), c))).toEqual(text(mergeEntries(a, mergeEntries(b, c))))
        expect(text(mergeEntries(a, a))).toEqual(text(mergeEntries(a, [])))
      }),
      { numRuns: 500 },
    )
  })

  it('forgets no shard, and has reached each position or is unknown', () => {
    fc.assert(
      fc.property(anyEntries, anyEntries, (a, b) => {
        const both = mergeEntries(a, b)
        for (const entry of [...a, ...b]) {
          const found = both.filter(({ database, shard }) => database === entry.database && shard === entry.shard)
          expect(found).toHaveLength(1)
          const position = found[0]?.position
          if (position === undefined) continue
          expect(entry.position && comparePosition(position, entry.position)).toBe('reached')
        }
      }),
      { numRuns: 500 },
    )
  })
})
