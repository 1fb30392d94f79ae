import { describe, expect, it } from 'vitest'
import { parseSnapshot, showsAllOf, type Snapshot } from './snapshot.ts'

const snapshot = (text: string): Snapshot => parseSnapshot(text)!

describe('snapshots', () => {
  it('are read', () => {
    expect(parseSnapshot('10:20:10,14,15')).toEqual({ xmin: 10n, xmax: 20n, running: [10n, 14n, 15n] })
    expect(parseSnapshot('20:20:')).toEqual({ xmin: 20n, xmax: 20n, running: [] })
    for (const text of ['', '1:2', '1:2:x', '1:2:3,', 'a:2:']) expect(parseSnapshot(text)).toBeUndefined()
  })

  it.each([
    ['20:20:', '20:20:', true],
    // The primary has finished nothing after 19, and the replica shows 20.
    ['20:20:', '21:21:', false],
    // 18 waits for its replica on the primary; the replica shows it.
    ['18:20:18', '20:20:', false],
    // It runs on both.
    ['18:20:18', '18:20:18', true],
    // It began after all that the replica shows.
    ['22:23:22', '21:21:', true],
    ['21:25:21,23', '21:24:21', false],
  ])('%s shows all of %s: %s', (one, other, expected) => {
    expect(showsAllOf(snapshot(one), snapshot(other))).toBe(expected)
  })
})
