import { describe, expect, it } from 'vitest'
import { formatLsn, parseLsn } from '../../topology/position.ts'
import { endOfLog } from './log-end.ts'

const endOf = (text: string): string => formatLsn(endOfLog(parseLsn(text)!))

describe('endOfLog', () => {
  it.each([
    ['0/16DE018', '0/16DE000'],
    ['0/16E0018', '0/16E0000'],
    ['2A/FFFFE018', '2A/FFFFE000'],
  ])('takes the header of the next block off: %s', (said, end) => {
    expect(endOf(said)).toBe(end)
  })

  it.each([
    ['0/2000028', '0/2000000'],
    ['0/2100028', '0/2100000'],
    ['1/28', '1/0'],
  ])('takes the longer header of the next segment off: %s', (said, end) => {
    expect(endOf(said)).toBe(end)
  })

  it.each(['0/16DE000', '0/16DE020', '0/16DE028', '0/16DDFF8', '0/2000000', '0/2002028', '0/2000050'])(
    'leaves an end within a block as it is: %s',
    (said) => {
      expect(endOf(said)).toBe(said)
    },
  )

  /**
   * Lays records of the sizes that PostgreSQL has into blocks of one size, as its log does, and looks at each end: a
   * replica that is at the end of any record before a commit's is behind what the primary says after it.
   */
  const sizes = [1, 2, 4, 8, 16, 32, 64].flatMap((kib) => [1, 16].map((mib) => [kib, mib] as const))
  it.each(sizes)('lets no replica pass for one that has the commit: blocks of %i kB, segments of %i MB', (kib, mib) => {
    const size = BigInt(kib) * 1024n
    const segment = BigInt(mib) * 1024n * 1024n
    let random = 7
    const next = (limit: number): number => (random = (random * 48_271) % 0x7fff_ffff) % limit
    const headerAt = (at: bigint): bigint => (at % segment === 0n ? 40n : at % size === 0n ? 24n : 0n)
    /** Where a record of so many bytes ends that begins behind `at`. */
    const written = (at: bigint, bytes: number): bigint => {
      for (let left = BigInt(bytes); ;) {
        at += headerAt(at)
        const room = size - (at % size)
        if (left <= room) return at + left
        left -= room
        at += room
      }
    }
    const wrong: string[] = []
    let [end, beforeCommit, cut] = [0n, -1n, 0]
    for (let count = 0; count < 100_000; count++) {
      const begin = end
      const isCommit = next(3) === 0
      end = written(begin, isCommit ? 40 + 8 * next(4) : 24 + 8 * next(count % 2 === 0 ? 4 : 200))
      if (isCommit) beforeCommit = begin
      const said = end + headerAt(end)
      const asked = endOfLog(said)
      if (asked < said) cut++
      // With blocks of the usual size no replica has to wait for the next record, either.
      if (asked <= beforeCommit || (kib === 8 && asked > end)) wrong.push(`${formatLsn(said)} was ${formatLsn(asked)}`)
    }
    expect(wrong).toEqual([])
    expect(cut).toBeGreaterThan(10)
  })
})
