import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServerStatus } from '../drivers/driver.ts'
import { decide, type DecidedShard, type ProbeOutcome, type ServerId, strangersOf, twinsOf } from './decide.ts'

const shard: DecidedShard = { primary: 'a', replicas: ['b', 'c'] }
const ids = ['a', 'b', 'c'] as const

interface Said {
  readonly writable?: boolean
  readonly cluster?: string | undefined
  readonly timeline?: number | undefined
  readonly instance?: string | undefined
}

function answer({ writable = false, cluster, timeline, instance }: Said): ProbeOutcome {
  const position = timeline === undefined ? undefined : ({ kind: 'lsn', timeline, lsn: 1n } as const)
  const status: ServerStatus = {
    writable,
    position,
    cluster,
    instance,
    receiving: undefined,
    lagMs: undefined,
    version: '1',
  }
  return { at: 0, status }
}

const failed: ProbeOutcome = { at: 0, failed: 'connection refused' }
const outcomes = { W: answer({ writable: true }), R: answer({}), X: failed, '-': undefined } as const

/** `WRX`: a is writable, b read-only, c out of reach; `-`: not asked yet. */
function probesOf(letters: string): ReadonlyMap<ServerId, ProbeOutcome> {
  const probes = new Map<ServerId, ProbeOutcome>()
  ids.forEach((id, i) => {
    const outcome = outcomes[letters[i] as keyof typeof outcomes]
    if (outcome !== undefined) probes.set(id, outcome)
  })
  return probes
}

function said(answers: Partial<Record<ServerId, Said | 'failed'>>): ReadonlyMap<ServerId, ProbeOutcome> {
  return new Map(Object.entries(answers).map(([id, one]) => [id, one === 'failed' ? failed : answer(one ?? {})]))
}

function short(letters: string, of: DecidedShard = shard): string {
  const decision = decide(of, probesOf(letters))
  return decision.kind === 'primary' ? decision.id : decision.kind === 'split' ? decision.ids.join('+') : 'none'
}

describe('who is the primary', () => {
  // Every combination of three servers of which all have answered or failed.
  const table: Readonly<Record<string, readonly string[]>> = {
    a: ['WRR', 'WRX', 'WXR', 'WXX'],
    b: ['RWR', 'RWX', 'XWR', 'XWX'],
    c: ['RRW', 'RXW', 'XRW', 'XXW'],
    none: ['RRR', 'RRX', 'RXR', 'XRR', 'RXX', 'XRX', 'XXR', 'XXX'],
    'a+b': ['WWR', 'WWX'],
    'a+c': ['WRW', 'WXW'],
    'b+c': ['RWW', 'XWW'],
    'a+b+c': ['WWW'],
  }
  it.each(Object.entries(table))('%s: %j', (expected, combinations) => {
    for (const letters of combinations) expect(short(letters), letters).toBe(expected)
  })

  it('covers every combination', () => {
    expect(new Set(Object.values(table).flat()).size).toBe(27)
  })

  it('is the configured one until it has been asked, and nobody else in its place', () => {
    for (const letters of ['---', '-R-', '-RX', '-XX']) expect(short(letters), letters).toBe('a')
    for (const letters of ['-W-', '-RW', 'R--', 'X-R']) expect(short(letters), letters).toBe('none')
    expect(short('-WW')).toBe('b+c')
    for (const letters of ['W--', 'W-R']) expect(short(letters), letters).toBe('a')
    expect(short('XW-')).toBe('b')
  })

  it('says of each server why it is not', () => {
    expect(decide(shard, probesOf('XR-'))).toEqual({
      kind: 'none',
      why: 'a cannot be reached: connection refused; b is read-only; c has not answered yet',
    })
  })

  it('never is an unreachable, read-only or strange server, and the same for the same input', () => {
    const one = fc.oneof(
      fc.constant(undefined),
      fc.constant(failed),
      fc
        .record({
          writable: fc.boolean(),
          cluster: fc.constantFrom(undefined, 'x', 'y'),
          timeline: fc.constantFrom(undefined, 1, 2),
        })
        .map(answer),
    )
    const known = fc.record({
      cluster: fc.constantFrom(undefined, 'x', 'y', 'z'),
      timeline: fc.constantFrom(undefined, 1, 2, 3),
    })
    fc.assert(
      fc.property(fc.tuple(one, one, one), fc.option(known, { nil: undefined }), (answers, known) => {
        const probes = new Map<ServerId, ProbeOutcome>()
        ids.forEach((id, i) => {
          const outcome = answers[i]
          if (outcome !== undefined) probes.set(id, outcome)
        })
        const decision = decide({ ...shard, known }, probes)
        expect(decide({ ...shard, known }, new Map(probes))).toEqual(decision)
        const chosen = decision.kind === 'primary' ? [decision.id] : decision.kind === 'split' ? decision.ids : []
        const strangers = strangersOf({ ...shard, known }, probes)
        for (const id of chosen) {
          const outcome = probes.get(id)
          if (outcome === undefined) expect(decision).toEqual({ kind: 'primary', id: 'a' })
          else expect('status' in outcome && outcome.status.writable && !strangers.has(id)).toBe(true)
        }
        if (decision.kind === 'split') expect(decision.ids.length).toBeGreaterThan(1)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a split', () => {
  it('stays one though a timeline tells who was promoted, and names it', () => {
    const decision = decide(
      shard,
      said({ a: { writable: true, timeline: 1 }, b: { writable: true, timeline: 2 }, c: { timeline: 2 } }),
    )
    expect(decision).toMatchObject({ kind: 'split', ids: ['a', 'b'], newest: 'b' })
    expect(decision).toHaveProperty('why', expect.stringMatching(/b was promoted last \(timeline 2\), so a must/))
  })

  it.each([
    [1, 1],
    [1, undefined],
    [undefined, undefined],
  ])('has no newest server if timelines do not tell (%s, %s)', (first, second) => {
    const probes = said({ a: { writable: true, timeline: first }, b: { writable: true, timeline: second } })
    expect(decide(shard, probes)).toMatchObject({ kind: 'split', newest: undefined })
  })

  it('ends when the old primary cannot be reached', () => {
    const probes = said({ a: 'failed', b: { writable: true, timeline: 2 } })
    expect(decide(shard, probes)).toEqual({ kind: 'primary', id: 'b' })
  })

  it('does not leave the writes to the old primary when the promoted one is lost', () => {
    const left = said({ a: { writable: true, timeline: 1, cluster: 'x' }, b: 'failed' })
    const history = { cluster: 'x', timeline: 2 }
    const decision = decide({ ...shard, known: history }, left)
    expect(decision).toHaveProperty('why', expect.stringMatching(/^a is an old primary: .* lower timeline than 2/))
    expect(decision.kind).toBe('none')
    // What the shard was not yet on forbids nothing; nor does the count of another cluster.
    expect(decide(shard, left)).toEqual({ kind: 'primary', id: 'a' })
    expect(decide({ ...shard, known: { cluster: 'before the upgrade', timeline: 9 } }, left)).toEqual({
      kind: 'primary',
      id: 'a',
    })
  })
})

describe('a server of another cluster', () => {
  const w = (cluster?: string): Said => ({ writable: true, cluster })
  const r = (cluster?: string): Said => ({ cluster })

  it.each<[string, Partial<Record<ServerId, Said | 'failed'>>, string | undefined, string]>([
    ['a replica that is somebody else’s primary', { a: w('x'), b: w('y'), c: r('x') }, undefined, 'a'],
    ['the configured primary was made anew', { a: w('y'), b: w('x'), c: r('x') }, undefined, 'b'],
    ['two servers: the configured primary counts', { a: w('x'), b: w('y'), c: 'failed' }, undefined, 'a'],
    ['servers that do not tell belong', { a: w(), b: w('y'), c: 'failed' }, undefined, 'a+b'],
    ['what was known counts before the majority', { a: w('x'), b: w('y'), c: r('y') }, 'x', 'a'],
    ['until none of its servers is left', { a: 'failed', b: w('y'), c: r('y') }, 'x', 'b'],
    ['a lone stranger takes nothing over', { a: 'failed', b: w('y'), c: 'failed' }, 'x', 'none'],
    ['an upgraded primary does', { a: w('y'), b: 'failed', c: 'failed' }, 'x', 'a'],
    ['without a past, the only one there is', { a: 'failed', b: w('y'), c: 'failed' }, undefined, 'b'],
    ['nobody, where nothing tells', { a: 'failed', b: w('y'), c: r('z') }, undefined, 'none'],
  ])('%s', (_, answers, cluster, expected) => {
    const decision = decide({ ...shard, known: { cluster } }, said(answers))
    const got = decision.kind === 'primary' ? decision.id : decision.kind === 'split' ? decision.ids.join('+') : 'none'
    expect(got).toBe(expected)
  })

  it('is named when there is no primary', () => {
    const decision = decide(shard, said({ a: r('x'), b: w('y'), c: r('x') }))
    expect(decision).toEqual({
      kind: 'none',
      why: 'a is read-only; b belongs to cluster y, not to x; c is read-only',
    })
  })
})

describe('a server with two addresses', () => {
  const w = (instance?: string): Said => ({ writable: true, instance })
  const of = (answers: Partial<Record<ServerId, Said | 'failed'>>, primary?: ServerId): string => {
    const decision = decide({ ...shard, known: { primary } }, said(answers))
    return decision.kind === 'primary' ? decision.id : decision.kind
  }

  it('counts once: the configured primary, or the one that was promoted under its other address', () => {
    expect(of({ a: w('1'), b: w('1'), c: { instance: '2' } })).toBe('a')
    expect(of({ a: w('1'), b: w('1'), c: { instance: '2' } }, 'b')).toBe('b')
    expect(of({ a: 'failed', b: w('1'), c: w('1') })).toBe('b')
  })

  it('is the other one as long as that is all that answers', () => {
    expect(of({ a: 'failed', b: w('1'), c: { instance: '2' } }, 'a')).toBe('b')
  })

  it('does not hide a second primary, nor does one that does not tell who it is', () => {
    expect(of({ a: w('1'), b: w('1'), c: w('2') })).toBe('split')
    expect(of({ a: w(), b: w(), c: 'failed' })).toBe('split')
  })

  it('is named by the one that stands for it', () => {
    const probes = said({ a: w('1'), b: { instance: '2' }, c: { instance: '2' } })
    expect(twinsOf(shard, probes)).toEqual(new Map([['c', 'b']]))
    expect(twinsOf({ ...shard, known: { primary: 'c' } }, probes)).toEqual(new Map([['b', 'c']]))
  })
})
