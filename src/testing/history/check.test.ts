import { describe, expect, it } from 'vitest'
import { type CheckOptions, checkHistory, describeReport, type Report } from './check.ts'
import { type AppliedIncrement, initialOpId, type Operation, type ReadOperation } from './operation.ts'
import type { ViolationKind } from './violation.ts'

type More = Partial<Pick<Operation, 'begin' | 'end' | 'server' | 'outcome' | 'error'>>

const blank = { begin: -1, end: -1, startedMs: 0, endedMs: 0 }

/** What is written as `'a1'` is the op id; sessions are capital letters, keys small ones. */
function write(session: string, key: string, opId: string, version: number, more: More = {}): Operation {
  return { ...blank, kind: 'write', session, key, opId, version, outcome: 'ok', ...more }
}
function increment(session: string, key: string, opId: string, version: number): Operation {
  return { ...blank, kind: 'increment', session, key, opId, version, outcome: 'ok' }
}
function unsure(session: string, key: string, opId: string, outcome: 'failed' | 'unknown' = 'unknown'): Operation {
  return { ...blank, kind: 'write', session, key, opId, outcome }
}
function read(session: string, key: string, opId: string, version: number, more: More = {}): Operation {
  return { ...blank, kind: 'read', session, key, value: { version, opId }, outcome: 'ok', ...more }
}
function readNothing(session: string, key: string): Operation {
  return { ...blank, kind: 'read', session, key, outcome: 'ok' }
}

type Final = Record<string, readonly [opId: string, version: number]>

function check(
  steps: readonly Operation[],
  final?: Final,
  applied?: readonly AppliedIncrement[],
  options?: CheckOptions,
): Report {
  const operations = steps.map((step, index) =>
    step.begin === -1 ? { ...step, begin: index * 10, end: index * 10 + 5 } : step,
  )
  if (final === undefined) return checkHistory({ operations }, options)
  const values = new Map(Object.entries(final).map(([key, [opId, version]]) => [key, { opId, version }]))
  return checkHistory({ operations, final: { values, ...(applied && { applied }) } }, options)
}

/** Kinds with their counts, without zeros. */
function found(report: Report): Partial<Record<ViolationKind, number>> {
  return Object.fromEntries(Object.entries(report.counts).filter(([, count]) => count > 0))
}

const beforeAll = initialOpId

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

describe('lost writes', () => {
  it('an acknowledged write is above the final state, or its key is gone', () => {
    const steps = [write('A', 'x', 'a1', 1), write('A', 'x', 'a2', 2)]
    const report = check(steps, { x: ['a1', 1] })
    expect(found(report)).toEqual({ 'lost-write': 1 })
    expect(report.violations[0]).toMatchObject({ session: 'A', operations: [{ opId: 'a2' }] })
    expect(report.violations[0]!.message).toContain('In the end it has version 1.')
    expect(found(check(steps, {}))).toEqual({ 'lost-write': 2 })
  })

  it('another write has its version: in the end, by acknowledgement, or as a read shows', () => {
    expect(found(check([write('A', 'x', 'a1', 1), unsure('B', 'x', 'b1')], { x: ['b1', 1] }))).toEqual({
      'lost-write': 1,
    })
    const both = [write('A', 'x', 'a1', 1), write('B', 'x', 'b1', 1), write('B', 'x', 'b2', 2)]
    for (const final of [undefined, { x: ['b2', 2] as const }]) {
      const report = check(both, final)
      expect(found(report)).toEqual({ 'lost-write': 1 })
      expect(report.violations[0]!.operations).toMatchObject([{ opId: 'a1' }, { opId: 'b1' }])
    }
    const shown = [write('A', 'x', 'a1', 1), unsure('B', 'x', 'b1'), read('C', 'x', 'b1', 1), write('B', 'x', 'b2', 2)]
    expect(found(check(shown, { x: ['b2', 2] }))).toEqual({ 'lost-write': 1 })
  })

  it('an acknowledged increment is not in the side table', () => {
    const steps = [increment('A', 'x', 'a1', 1), increment('A', 'x', 'a2', 2)]
    const report = check(steps, { x: ['a2', 2] }, [{ key: 'x', opId: 'a2', version: 2 }])
    expect(found(report)).toEqual({ 'lost-write': 1 })
    expect(report.violations[0]!.message).toContain('It is not in the side table.')
  })

  it('nothing is lost that is there, was overwritten, failed, or is unknown', () => {
    const steps = [
      write('A', 'x', 'a1', 1),
      write('A', 'x', 'a2', 2),
      unsure('A', 'x', 'a3'),
      unsure('A', 'x', 'a4', 'failed'),
    ]
    expect(found(check(steps, { x: ['a2', 2] }, []))).toEqual({})
    expect(found(check(steps, { x: ['a3', 3] }, []))).toEqual({})
  })
})

describe('duplicated writes', () => {
  it('an operation made two versions', () => {
    const report = check([write('A', 'x', 'a1', 1), read('B', 'x', 'a1', 2)], { x: ['a1', 2] })
    expect(found(report)).toEqual({ 'duplicated-write': 1 })
    expect(report.violations[0]).toMatchObject({ session: 'A', operations: [{ opId: 'a1' }, { kind: 'read' }] })
    expect(report.violations[0]!.message).toContain('made version 1 and version 2 of x.')
    expect(found(check([unsure('A', 'x', 'a1'), read('B', 'x', 'a1', 1)], { x: ['a1', 2] }))).toEqual({
      'duplicated-write': 1,
    })
  })

  it('an increment is in the side table twice', () => {
    const entry = { key: 'x', opId: 'a1', version: 1 }
    const steps = [increment('A', 'x', 'a1', 1)]
    expect(found(check(steps, { x: ['a1', 1] }, [entry, entry]))).toEqual({ 'duplicated-write': 1 })
    expect(found(check(steps, { x: ['a1', 1] }, [entry]))).toEqual({})
    const again = check(steps, { x: ['a1', 2] }, [entry, { ...entry, version: 2 }])
    expect(found(again)).toEqual({ 'duplicated-write': 1 })
  })

  it('there are versions that no write can have made', () => {
    const report = check([write('A', 'x', 'a1', 1), write('A', 'x', 'a4', 4)], { x: ['a4', 4] })
    expect(found(report)).toEqual({ 'duplicated-write': 2 })
    expect(report.violations).toHaveLength(1)
    expect(report.violations[0]!.message).toBe(
      'Between version 1 and version 4 of x are 2 versions that no write can have made.',
    )
    expect(report.violations[0]!.operations).toMatchObject([{ opId: 'a1' }, { opId: 'a4' }])
  })

  it('a write of unknown outcome explains one version that nobody saw, of its key, if it began in time', () => {
    const gap = [write('A', 'x', 'a1', 1), write('A', 'x', 'a3', 3)]
    const final: Final = { x: ['a3', 3] }
    expect(found(check([unsure('B', 'x', 'b1'), ...gap], final))).toEqual({})
    expect(found(check([unsure('B', 'y', 'b1'), ...gap], final))).toEqual({ 'duplicated-write': 1 })
    expect(found(check([unsure('B', 'x', 'b1', 'failed'), ...gap], final))).toEqual({ 'duplicated-write': 1 })
    expect(found(check([...gap, unsure('B', 'x', 'b1')], final))).toEqual({ 'duplicated-write': 1 })
    const seen = [unsure('B', 'x', 'b1'), write('A', 'x', 'a1', 1), read('C', 'x', 'b1', 2), write('A', 'x', 'a4', 4)]
    expect(found(check(seen, { x: ['a4', 4] }))).toEqual({ 'duplicated-write': 1 })
    const twice = [unsure('B', 'x', 'b1'), write('A', 'x', 'a2', 2), write('A', 'x', 'a4', 4)]
    expect(found(check(twice, { x: ['a4', 4] }))).toEqual({ 'duplicated-write': 1 })
    const increments = [{ ...unsure('B', 'x', 'b1'), kind: 'increment' } as Operation, ...gap]
    expect(found(check(increments, final))).toEqual({})
    expect(found(check(increments, final, []))).toEqual({ 'duplicated-write': 1 })
  })
})

describe('values from nowhere', () => {
  it.each([
    ['nobody wrote', [read('A', 'x', 'ghost', 1)]],
    ['went to another key', [unsure('A', 'y', 'a1'), read('A', 'x', 'a1', 1)]],
    ['certainly failed', [unsure('A', 'x', 'a1', 'failed'), read('B', 'x', 'a1', 1)]],
    ['was written later', [read('A', 'x', 'b1', 1), unsure('B', 'x', 'b1')]],
    ['was there before the first write, under a later version', [read('A', 'x', beforeAll, 3)]],
    ['was written, under the version of what was there before', [unsure('A', 'x', 'a1'), read('A', 'x', 'a1', 0)]],
  ])('a read shows what %s', (_, steps) => {
    expect(found(check(steps))).toEqual({ 'value-from-nowhere': 1 })
  })

  it('the final state or the side table has one', () => {
    expect(found(check([], { x: ['ghost', 1] }))).toEqual({ 'value-from-nowhere': 1 })
    expect(found(check([unsure('A', 'x', 'a1', 'failed')], { x: ['a1', 1] }))).toEqual({ 'value-from-nowhere': 1 })
    const applied = [{ key: 'x', opId: 'a1', version: 1 }]
    const report = check([unsure('A', 'x', 'a1', 'failed')], { x: [beforeAll, 0] }, applied)
    expect(found(report)).toEqual({ 'value-from-nowhere': 1 })
    expect(report.violations[0]!.message).toMatch(/^The side table .* That write certainly failed\.$/)
  })

  it('nothing is wrong with what was there before, and with a write that is under way or unknown', () => {
    const steps = [
      read('A', 'x', beforeAll, 0, { begin: 0, end: 1 }),
      write('B', 'x', 'b1', 1, { begin: 2, end: 20 }),
      read('A', 'x', 'b1', 1, { begin: 3, end: 10 }),
      { ...unsure('B', 'y', 'b2'), begin: 21, end: 22 },
      read('A', 'y', 'b2', 1, { begin: 30, end: 31 }),
    ]
    expect(found(check(steps, { x: ['b1', 1], y: ['b2', 1], z: [beforeAll, 0] }))).toEqual({})
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
