import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ControlledSource, driven } from '../../../test/support/controlled-source.ts'
import { concatenated } from './concatenated.ts'

const turn = () => new Promise((done) => setImmediate(done))

const inputs = fc.record({
  counts: fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { maxLength: 6 }),
  choices: fc.infiniteStream(fc.nat(100)),
  concurrency: fc.integer({ min: 1, max: 4 }),
  inOrder: fc.boolean(),
})

/** Rows are texts: the source, and the place in it. */
function rowsOfEach(counts: readonly (readonly number[])[]): string[][][] {
  return counts.map((batches, source) => {
    let at = 0
    return batches.map((length) => Array.from({ length }, () => `${source}.${at++}`))
  })
}

describe('sources that answer in any order', () => {
  it('are read whole, each in its own order, so many at a time, and no more than one batch ahead', () =>
    fc.assert(
      fc.asyncProperty(inputs, async ({ counts, choices, concurrency, inOrder }) => {
        const batches = rowsOfEach(counts)
        const sources = batches.map((each) => new ControlledSource(each))
        const seen: string[] = []
        const open = () => sources.filter(({ opened, closed }) => opened > 0 && !closed).length
        const read = async () => {
          for await (const part of concatenated(
            sources.map(({ open }) => open),
            { concurrency, inOrder },
          )) {
            expect(part.length).toBeGreaterThan(0)
            seen.push(...part)
            await turn()
            expect(open()).toBeLessThanOrEqual(concurrency)
            for (const [index, source] of sources.entries()) {
              const taken = batches[index]!.filter(([first]) => first !== undefined && seen.includes(first)).length
              const empty = batches[index]!.filter(({ length }) => length === 0).length
              expect(source.asked).toBeLessThanOrEqual(taken + 1 + empty)
            }
          }
        }
        await driven(sources, read(), () => choices.next().value)
        const whole = batches.flat(2)
        if (inOrder) expect(seen).toEqual(whole)
        else expect(seen.toSorted()).toEqual(whole.toSorted())
        for (const [index, rows] of batches.entries())
          expect(seen.filter((row) => row.startsWith(`${index}.`))).toEqual(rows.flat())
        expect(sources.every(({ closed, opened }) => closed && opened === 1)).toBe(true)
      }),
      { numRuns: 300 },
    ))

  it('are all closed when one fails or the loop is left', () =>
    fc.assert(
      fc.asyncProperty(inputs, fc.nat(10), async ({ counts, choices, concurrency, inOrder }, after) => {
        fc.pre(counts.length > 0)
        const failing = after % counts.length
        const error = new Error('lost')
        const sources = rowsOfEach(counts).map(
          (each, index) => new ControlledSource(each, index === failing ? { error } : undefined),
        )
        let seen = 0
        const read = async () => {
          for await (const part of concatenated(
            sources.map(({ open }) => open),
            { concurrency, inOrder },
          )) {
            seen += part.length
            if (seen > after) return 'left'
          }
          return 'whole'
        }
        const outcome = await driven(sources, read(), () => choices.next().value).catch((thrown: unknown) => thrown)
        expect(outcome === 'left' || outcome === error).toBe(true)
        expect(sources.every(({ closed, opened }) => closed || opened === 0)).toBe(true)
      }),
      { numRuns: 200 },
    ))
})

describe('concatenated', () => {
  it('gives the rows of a quick source while a slow one is awaited', async () => {
    const slow = new ControlledSource([['slow']])
    const quick = new ControlledSource([['quick']])
    const rows = concatenated([slow.open, quick.open], { concurrency: 2 })
    const first = rows.next()
    await turn()
    quick.step()
    expect((await first).value).toEqual(['quick'])
    await rows.return()
    expect([slow.closed, quick.closed]).toEqual([true, true])
  })

  it('reads one batch ahead of its reader, and begins with as many sources as it may', async () => {
    for (const inOrder of [true, false]) {
      const sources = [['a'], ['b'], ['c'], ['d']].map((batch) => new ControlledSource([batch, batch]))
      const rows = concatenated(
        sources.map(({ open }) => open),
        { concurrency: 2, inOrder },
      )
      const first = rows.next()
      await turn()
      sources[0]!.step()
      expect((await first).value).toEqual(['a'])
      await turn()
      expect(sources.map(({ asked }) => asked)).toEqual([2, 1, 0, 0])
      const rest = Array.fromAsync(rows)
      await turn()
      for (let step = 0; step < 2; step += 1) {
        sources[0]!.step()
        await turn()
        await turn()
        await turn()
      }
      // Its end makes room for the next one.
      expect(sources.map(({ asked }) => asked)).toEqual([3, 1, 1, 0])
      expect((await driven(sources, rest, () => 0)).flat().toSorted()).toEqual(['a', 'b', 'b', 'c', 'c', 'd', 'd'])
    }
  })

  it('ends with an error when the signal fires', async () => {
    const controller = new AbortController()
    const source = new ControlledSource([['a']])
    const next = concatenated([source.open], { concurrency: 1, signal: controller.signal }).next()
    await turn()
    controller.abort()
    await expect(next).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    expect(source.closed).toBe(true)
  })

  it('refuses to read none at a time', () => {
    expect(() => concatenated([], { concurrency: 0 })).toThrow(/concurrency: 0/)
  })
})
