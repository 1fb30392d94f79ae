import { describe, expect, it } from 'vitest'
import {
  beforeAll,
  check,
  type Final,
  found,
  increment,
  read,
  unsure,
  write,
} from '../../../test/support/hand-written-history.ts'
import type { Operation } from './operation.ts'

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

  it('a write is lost once, whatever shows it; what was above the end explains itself', () => {
    expect(found(check([increment('A', 'x', 'a1', 1)], {}, []))).toEqual({ 'lost-write': 1 })
    const above = [write('A', 'x', 'a1', 1), write('A', 'x', 'a5', 5)]
    expect(found(check(above, { x: ['a1', 1] }))).toEqual({ 'lost-write': 1 })
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

  it('an operation made a version more, which another one has: only that is wrong', () => {
    const steps = [write('A', 'x', 'a1', 1), read('C', 'x', 'a1', 2), write('B', 'x', 'b2', 2)]
    expect(found(check(steps, { x: ['b2', 2] }))).toEqual({ 'duplicated-write': 1 })
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

  it('versions that nobody named were there before any higher one was seen', () => {
    const steps = [
      read('C', 'x', beforeAll, 0, { begin: 0, end: 1 }),
      write('A', 'x', 'a1', 1, { begin: 2, end: 3 }),
      write('A', 'x', 'a3', 3, { begin: 8, end: 50 }),
      write('B', 'x', 'b4', 4, { begin: 10, end: 15 }),
    ]
    const late = { ...unsure('C', 'x', 'c1'), begin: 20, end: 21 }
    const final: Final = { x: ['b4', 4] }
    expect(found(check(steps, final))).toEqual({ 'duplicated-write': 1 })
    expect(found(check([...steps, late], final))).toEqual({ 'duplicated-write': 1 })
    expect(found(check([...steps, { ...late, begin: 14 }], final))).toEqual({})
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
