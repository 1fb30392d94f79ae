import { describe, expect, it } from 'vitest'
import { describeReport } from './check.ts'
import {
  beforeAll,
  check,
  found,
  increment,
  read,
  readNothing,
  unsure,
  write,
} from '../../../test/support/hand-written-history.ts'
import type { ReadOperation } from './operation.ts'

describe('read-your-writes', () => {
  it('a read shows something older than the own write', () => {
    const report = check([
      write('A', 'x', 'a1', 1),
      write('A', 'x', 'a2', 2),
      read('A', 'x', 'a1', 1, { server: 'r1' }),
    ])
    expect(found(report)).toEqual({ 'read-your-writes': 1 })
    expect(report.violations).toEqual([
      {
        kind: 'read-your-writes',
        session: 'A',
        key: 'x',
        operations: [
          expect.objectContaining({ kind: 'read', server: 'r1', begin: 20 }),
          expect.objectContaining({ kind: 'write', opId: 'a2', begin: 10 }),
        ],
        message:
          'The read of x by A at 0 ms from r1, which showed version 1 (op "a1"), after the session\'s own ' +
          'write of x by A at 0 ms, which made version 2 (op "a2").',
      },
    ])
  })

  it('a read shows nothing, or what was there before', () => {
    expect(found(check([write('A', 'x', 'a1', 1), readNothing('A', 'x')]))).toEqual({ 'read-your-writes': 1 })
    expect(found(check([write('A', 'x', 'a1', 1), read('A', 'x', beforeAll, 0)]))).toEqual({ 'read-your-writes': 1 })
  })

  it('a read shows another write in the place of the own one', () => {
    const steps = [unsure('B', 'x', 'b1'), write('A', 'x', 'a1', 1), read('A', 'x', 'b1', 1)]
    expect(found(check(steps))).toMatchObject({ 'read-your-writes': 1 })
  })

  it.each([
    ['the own write', [write('A', 'x', 'a1', 1), read('A', 'x', 'a1', 1)]],
    ['a newer write of somebody else', [write('A', 'x', 'a1', 1), write('B', 'x', 'b1', 2), read('A', 'x', 'b1', 2)]],
    ['something older of another key', [write('A', 'x', 'a1', 1), read('A', 'y', beforeAll, 0)]],
    ['something older in another session', [write('A', 'x', 'a1', 1), read('B', 'x', beforeAll, 0)]],
    ['something older before the write', [read('A', 'x', beforeAll, 0), write('A', 'x', 'a1', 1)]],
    ['something older than a write of unknown outcome', [unsure('A', 'x', 'a1'), read('A', 'x', beforeAll, 0)]],
    ['something older than a write that failed', [unsure('A', 'x', 'a1', 'failed'), read('A', 'x', beforeAll, 0)]],
    [
      'something older while the write is under way',
      [write('A', 'x', 'a1', 1, { begin: 0, end: 10 }), read('A', 'x', beforeAll, 0, { begin: 9, end: 20 })],
    ],
  ])('nothing is wrong if a read shows %s', (_, steps) => {
    expect(found(check(steps))).toEqual({})
  })

  it('counts an overlapping write from its end on', () => {
    const steps = [
      write('A', 'x', 'a1', 1, { begin: 0, end: 10 }),
      read('A', 'x', beforeAll, 0, { begin: 5, end: 40 }),
      read('A', 'x', beforeAll, 0, { begin: 11, end: 30 }),
    ]
    const report = check(steps)
    expect(found(report)).toEqual({ 'read-your-writes': 1 })
    expect(report.violations[0]!.operations[0]!.begin).toBe(11)
  })
})

describe('monotonic reads', () => {
  const writes = [write('W', 'x', 'w1', 1), write('W', 'x', 'w2', 2)]

  it('a read shows something older than an earlier one', () => {
    const report = check([...writes, read('A', 'x', 'w2', 2), read('A', 'x', 'w1', 1)])
    expect(found(report)).toEqual({ 'monotonic-reads': 1 })
    expect(report.violations[0]!.operations.map(({ begin }) => begin)).toEqual([30, 20])
  })

  it('a read shows nothing after something, and remembers the newest, not the last', () => {
    expect(found(check([...writes, read('A', 'x', 'w1', 1), readNothing('A', 'x')]))).toEqual({ 'monotonic-reads': 1 })
    const steps = [...writes, read('A', 'x', 'w2', 2), readNothing('A', 'x'), read('A', 'x', 'w1', 1)]
    expect(found(check(steps))).toEqual({ 'monotonic-reads': 2 })
  })

  it.each([
    ['the same again', [...writes, read('A', 'x', 'w1', 1), read('A', 'x', 'w1', 1)]],
    ['something newer', [...writes, readNothing('A', 'x'), read('A', 'x', 'w1', 1), read('A', 'x', 'w2', 2)]],
    ['something older in another session', [...writes, read('A', 'x', 'w2', 2), read('B', 'x', 'w1', 1)]],
    [
      'something older in an overlapping read',
      [...writes, read('A', 'x', 'w2', 2, { begin: 100, end: 110 }), read('A', 'x', 'w1', 1, { begin: 105, end: 120 })],
    ],
  ])('nothing is wrong if a read shows %s', (_, steps) => {
    expect(found(check(steps))).toEqual({})
  })
})

describe('writes of a session', () => {
  it('go below an own write, or below what was read', () => {
    expect(found(check([write('A', 'x', 'a2', 2), write('A', 'x', 'a1', 1)]))).toEqual({ 'monotonic-writes': 1 })
    const steps = [write('B', 'x', 'b2', 2), read('A', 'x', 'b2', 2), write('A', 'x', 'a1', 1)]
    expect(found(check(steps))).toEqual({ 'writes-follow-reads': 1 })
    const same = [write('A', 'x', 'a1', 1), write('A', 'x', 'a2', 1)]
    expect(found(check(same))).toEqual({ 'monotonic-writes': 1, 'lost-write': 1 })
  })

  it('may go below what overlaps them, and above the rest', () => {
    const overlapping = [
      write('A', 'x', 'a2', 2, { begin: 0, end: 10 }),
      write('A', 'x', 'a1', 1, { begin: 1, end: 9 }),
      read('A', 'x', 'a2', 2, { begin: 2, end: 8 }),
    ]
    expect(found(check([...overlapping, write('A', 'x', 'a3', 3, { begin: 20, end: 21 })]))).toEqual({})
  })
})

describe('writes follow reads, over two keys', () => {
  const shown = [
    write('W', 'x', 'w1', 1),
    read('A', 'x', 'w1', 1),
    write('A', 'y', 'a1', 1),
    read('B', 'y', 'a1', 1, { server: 'r1' }),
  ]

  it('who has seen the write sees less than its author had read', () => {
    const report = check([...shown, read('B', 'x', beforeAll, 0)])
    expect(found(report)).toEqual({ 'writes-follow-reads': 1 })
    expect(report.violations[0]!.operations.map(({ begin }) => begin)).toEqual([40, 30, 20, 10])
    expect(report.violations[0]!.message).toBe(
      'The read of x by B at 0 ms, which showed version 0 (op ""), after the read of y by B at 0 ms from r1, which showed ' +
        'version 1 (op "a1"). That came from the write of y by A at 0 ms, which made version 1 (op "a1"), after the ' +
        'read of x by A at 0 ms, which showed version 1 (op "w1").',
    )
  })

  it('who has seen the write sees less than its author had written, or writes below it', () => {
    const steps = [
      write('A', 'x', 'a1', 1),
      write('A', 'x', 'a2', 2),
      write('A', 'y', 'a3', 1),
      read('B', 'y', 'a3', 1),
    ]
    expect(found(check([...steps, read('B', 'x', 'a1', 1)]))).toEqual({ 'writes-follow-reads': 1 })
    expect(found(check([...steps, write('B', 'x', 'b1', 1)]))).toMatchObject({ 'writes-follow-reads': 1 })
  })

  it('the write may have an unknown outcome', () => {
    const steps = [write('A', 'x', 'a1', 1), unsure('A', 'y', 'a2'), read('B', 'y', 'a2', 1), readNothing('B', 'x')]
    expect(found(check(steps))).toEqual({ 'writes-follow-reads': 1 })
  })

  it.each([
    ['the same or newer is seen', [...shown, read('B', 'x', 'w1', 1)]],
    ['another session sees less', [...shown, read('C', 'x', beforeAll, 0)]],
    ['less was seen before', [...shown.slice(0, 3), readNothing('B', 'x'), shown[3]!]],
    ['its author read it only later', [shown[0]!, shown[2]!, shown[1]!, shown[3]!, readNothing('B', 'x')]],
    [
      'its author read it while it wrote',
      [
        write('W', 'x', 'w1', 1, { begin: 0, end: 1 }),
        read('A', 'x', 'w1', 1, { begin: 2, end: 5 }),
        write('A', 'y', 'a1', 1, { begin: 4, end: 6 }),
        read('B', 'y', 'a1', 1, { begin: 7, end: 8 }),
        read('B', 'x', beforeAll, 0, { begin: 9, end: 10 }),
      ],
    ],
  ])('nothing is wrong if %s', (_, steps) => {
    expect(found(check(steps))).toEqual({})
  })

  it('each session that has seen the write is held to it, and its author by other promises', () => {
    const steps = [...shown, readNothing('B', 'x'), read('C', 'y', 'a1', 1), readNothing('C', 'x')]
    expect(found(check(steps))).toEqual({ 'writes-follow-reads': 2 })
    const own = [write('A', 'x', 'a1', 1), write('A', 'y', 'a2', 1), read('A', 'y', 'a2', 1), readNothing('A', 'x')]
    expect(found(check(own))).toEqual({ 'read-your-writes': 1 })
  })

  it('what its author does not know was written, and a value from nowhere, promise nothing', () => {
    const unsureBefore = [
      unsure('A', 'x', 'a1'),
      write('A', 'y', 'a2', 1),
      read('B', 'y', 'a2', 1),
      readNothing('B', 'x'),
    ]
    expect(found(check(unsureBefore))).toEqual({})
    const elsewhere = [write('A', 'z', 'a1', 1), unsure('A', 'y', 'a2'), read('B', 'x', 'a2', 1), readNothing('B', 'z')]
    expect(found(check(elsewhere))).toEqual({ 'value-from-nowhere': 1 })
  })

  it('goes on where it stopped when a second write of that session is seen', () => {
    const steps = [
      ...shown,
      write('A', 'z', 'a2', 1),
      write('A', 'y', 'a3', 2),
      read('B', 'y', 'a3', 2),
      readNothing('B', 'z'),
      readNothing('C', 'z'),
    ]
    expect(found(check(steps))).toEqual({ 'writes-follow-reads': 1 })
  })
})

describe('failed reads', () => {
  const failed = read('A', 'x', '', 0, { outcome: 'failed', error: 'no server' })
  delete (failed as { value?: unknown }).value

  it('are violations, but for those that may fail', () => {
    const report = check([failed, { ...failed, outcome: 'unknown' }])
    expect(found(report)).toEqual({ 'failed-read': 2 })
    expect(report.violations[0]!.message).toBe('The read of x by A at 0 ms, whose outcome is "failed": no server.')
    const mayFail = (each: ReadOperation): boolean => each.begin < 10
    const allowed = check([failed, failed], undefined, undefined, { mayFail })
    expect(found(allowed)).toEqual({ 'failed-read': 1 })
    expect(allowed.allowedFailedReads).toBe(1)
    expect(describeReport(allowed)).toContain('; 2 reads failed, 0 writes failed, 0 unknown.')
  })

  it('promise nothing to later ones', () => {
    expect(found(check([write('A', 'x', 'a1', 1), failed, read('A', 'x', 'a1', 1)]))).toEqual({ 'failed-read': 1 })
  })
})

describe('the report', () => {
  it('counts what there was, and the chances to break a promise', () => {
    const steps = [
      write('A', 'x', 'a1', 1),
      read('A', 'x', 'a1', 1),
      read('A', 'x', 'a1', 1),
      increment('A', 'y', 'a2', 1),
      read('B', 'y', 'a2', 1),
      read('B', 'x', 'a1', 1),
      unsure('B', 'z', 'b1'),
      unsure('B', 'z', 'b2', 'failed'),
    ]
    const report = check(steps, { x: ['a1', 1], y: ['a2', 1] }, [{ key: 'y', opId: 'a2', version: 1 }])
    expect(report).toEqual({
      ok: true,
      violations: [],
      counts: expect.objectContaining({ 'lost-write': 0 }) as unknown,
      operations: 8,
      sessions: 2,
      keys: 3,
      reads: 4,
      writes: 3,
      increments: 1,
      failedWrites: 1,
      unknownWrites: 1,
      allowedFailedReads: 0,
      chances: { readYourWrites: 2, monotonicReads: 1, writesFollowReads: 1 },
      complete: true,
    })
    expect(describeReport(report)).toContain('No violations.')
    expect(check(steps).complete).toBe(false)
  })

  it('lists the first of each kind, and counts all', () => {
    const steps = [
      write('A', 'x', 'a1', 1),
      ...Array.from({ length: 9 }, () => readNothing('A', 'x')),
      read('A', 'y', 'ghost', 1),
    ]
    const report = check(steps, undefined, undefined, { mostListed: 2 })
    expect(found(report)).toEqual({ 'read-your-writes': 9, 'value-from-nowhere': 1 })
    expect(report.violations.map(({ kind }) => kind)).toEqual([
      'read-your-writes',
      'read-your-writes',
      'value-from-nowhere',
    ])
    const text = describeReport(report, 1)
    expect(text).toMatch(/read-your-writes: 9\n {2}The read of x .*\nvalue-from-nowhere: 1\n/)
    expect(text).toContain('There is no final state')
  })

  it('does not depend on the order of the log', () => {
    const steps = [
      write('A', 'x', 'a1', 1),
      write('A', 'x', 'a2', 2),
      read('A', 'x', 'a2', 2),
      read('A', 'x', 'a1', 1),
    ].map((step, index) => ({ ...step, begin: index * 2, end: index * 2 + 1 }))
    expect(found(check(steps.toReversed()))).toEqual({ 'read-your-writes': 1, 'monotonic-reads': 1 })
  })

  it('an op id that is used twice or reserved is an error', () => {
    expect(() => check([unsure('A', 'x', 'a1'), unsure('A', 'x', 'a1')])).toThrow(/Two writes have the op id "a1"/)
    expect(() => check([unsure('A', 'x', beforeAll)])).toThrow(TypeError)
  })
})
