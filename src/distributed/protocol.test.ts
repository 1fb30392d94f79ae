import { describe, expect, it } from 'vitest'
import { afterContest, afterRecording, endingOf, isOver, recoveryOf } from './protocol.ts'

describe('two-phase commit', () => {
  it('needs two phases only where several branches have written', () => {
    expect([0, 1, 2, 9].map(endingOf)).toEqual(['nothing', 'one phase', 'two phases', 'two phases'])
  })

  it('commits only what certainly stands in the log', () => {
    expect(afterRecording('recorded')).toBe('commit')
    expect(afterRecording('refused')).toBe('abort')
    expect(afterRecording('taken')).toBe('read')
    expect(afterRecording('unknown')).toBe('contest')
  })

  it('is in doubt where the log does not say either way', () => {
    expect(afterContest('recorded')).toBe('abort')
    expect(afterContest('taken')).toBe('read')
    expect(afterContest('refused')).toBe('in doubt')
    expect(afterContest('unknown')).toBe('in doubt')
  })
})

describe('recovery', () => {
  it('does what the log says, however young a branch is', () => {
    expect(recoveryOf('commit', 0, 60_000)).toBe('commit')
    expect(recoveryOf('abort', 0, 60_000)).toBe('roll back')
  })

  it('gives up what is not decided, from the given age on', () => {
    expect(recoveryOf(undefined, 59_999, 60_000)).toBe('leave')
    expect(recoveryOf(undefined, 60_000, 60_000)).toBe('give up')
    expect(recoveryOf(undefined, -5, 0)).toBe('leave')
  })

  it('takes an entry out only if it is old, every place was asked, and no branch is left', () => {
    const entry = { id: 'x', places: ['default/a', 'default/b'], isOld: true }
    const both = new Set(entry.places)
    expect(isOver(entry, both, new Set(['y']))).toBe(true)
    expect(isOver({ ...entry, isOld: false }, both, new Set())).toBe(false)
    expect(isOver(entry, new Set(['default/a']), new Set())).toBe(false)
    expect(isOver(entry, both, new Set(['x']))).toBe(false)
  })
})
