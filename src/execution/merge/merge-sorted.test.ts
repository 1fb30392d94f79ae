import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ControlledSource, driven } from '../../../test/support/controlled-source.ts'
import { MergeError } from '../../errors.ts'
import { mergeSorted } from './merge-sorted.ts'

interface Item {
  readonly key: number
  readonly source: number
  readonly at: number
}

const order = { keyOf: ({ key }: Item) => key, compare: (a: number, b: number) => a - b }
const turn = () => new Promise((done) => setImmediate(done))

/** Sorted sources in batches, some of them empty, and the order in which they answer. */
const inputs = fc.record({
  sources: fc.array(fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }), { maxLength: 5 }), {
    maxLength: 6,
  }),
  choices: fc.infiniteStream(fc.nat(100)),
  batchRows: fc.integer({ min: 1, max: 5 }),
})

function sorted(batches: readonly (readonly number[])[], source: number): Item[][] {
  const keys = batches.flat().toSorted((a, b) => a - b)
  let at = 0
  return batches.map((batch) => batch.map(() => ({ key: keys[at]!, source, at: at++ })))
}

const begun = (batches: readonly (readonly Item[])[], seen: readonly Item[]) =>
  batches.filter((batch) => seen.some((item) => item === batch[0])).length

describe('sources that answer in any order', () => {
  it('are merged whole and in order, equal rows by their source, and no more than one batch is read ahead', () =>
    fc.assert(
      fc.asyncProperty(inputs, async ({ sources: given, choices, batchRows }) => {
        const batches = given.map(sorted)
        const sources = batches.map((each) => new ControlledSource(each))
        const seen: Item[] = []
        const read = async () => {
          for await (const part of mergeSorted(
            sources.map(({ open }) => open),
            { ...order, batchRows },
          )) {
            expect(part.length).toBeGreaterThan(0)
            expect(part.length).toBeLessThanOrEqual(batchRows)
            seen.push(...part)
            await turn()
            for (const [index, source] of sources.entries()) {
              const empty = batches[index]!.filter(({ length }) => length === 0).length
              expect(source.asked).toBeLessThanOrEqual(begun(batches[index]!, seen) + 1 + empty)
            }
          }
        }
        await driven(sources, read(), () => choices.next().value)
        const all = batches.flat(2).toSorted((a, b) => a.key - b.key || a.source - b.source || a.at - b.at)
        expect(seen).toEqual(all)
        expect(sources.map(({ closed, interrupted }) => ({ closed, interrupted }))).toEqual(
          sources.map(() => ({ closed: true, interrupted: false })),
        )
      }),
      { numRuns: 300 },
    ))

  it('are all closed, and that is waited for, wherever the loop is left', () =>
    fc.assert(
      fc.asyncProperty(inputs, fc.nat(20), async ({ sources: given, choices, batchRows }, after) => {
        const sources = given.map((batches, index) => new ControlledSource(sorted(batches, index)))
        let seen = 0
        const read = async () => {
          for await (const part of mergeSorted(
            sources.map(({ open }) => open),
            { ...order, batchRows },
          )) {
            seen += part.length
            if (seen > after) break
          }
          return sources.every(({ closed, opened }) => closed || opened === 0)
        }
        expect(await driven(sources, read(), () => choices.next().value)).toBe(true)
      }),
      { numRuns: 200 },
    ))

  it('are all closed when one of them fails, and its error is thrown as it is', () =>
    fc.assert(
      fc.asyncProperty(inputs, fc.nat(5), async ({ sources: given, choices, batchRows }, at) => {
        fc.pre(given.length > 0)
        const failing = at % given.length
        const error = new Error('lost')
        const sources = given.map(
          (batches, index) => new ControlledSource(sorted(batches, index), index === failing ? { error } : undefined),
        )
        const told: unknown[] = []
        const merged = mergeSorted(
          sources.map(({ open }) => open),
          { ...order, batchRows, onSideError: (side) => told.push(side) },
        )
        const read = Array.fromAsync(merged)
        await expect(driven(sources, read, () => choices.next().value)).rejects.toBe(error)
        expect(sources.map(({ closed }) => closed)).toEqual(sources.map(() => true))
        expect(told).toEqual([])
      }),
      { numRuns: 200 },
    ))

  it('are all closed when the signal fires, at any step', () =>
    fc.assert(
      fc.asyncProperty(inputs, fc.nat(30), async ({ sources: given, choices, batchRows }, after) => {
        const sources = given.map((batches, index) => new ControlledSource(sorted(batches, index)))
        const controller = new AbortController()
        const reason = new Error('enough')
        let steps = 0
        const choose = () => {
          if (steps++ === after) controller.abort(reason)
          return choices.next().value
        }
        const read = Array.fromAsync(
          mergeSorted(
            sources.map(({ open }) => open),
            { ...order, batchRows, signal: controller.signal },
          ),
        )
        const ended = driven(sources, read, choose).then(
          () => 'whole',
          (error: unknown) => error,
        )
        const outcome = await ended
        if (outcome !== 'whole') expect(outcome).toMatchObject({ code: 'SIGNALBOX_ABORTED', cause: reason })
        if (controller.signal.aborted && steps === after + 1) expect(outcome).not.toBe('whole')
        expect(sources.map(({ closed }) => closed)).toEqual(sources.map(() => true))
      }),
      { numRuns: 200 },
    ))
})

describe('mergeSorted', () => {
  const items = (keys: readonly number[], source = 0): Item[] => keys.map((key, at) => ({ key, source, at }))

  it('opens nothing before the first row is asked for, nor when it is left or aborted before that', async () => {
    const source = new ControlledSource([items([1])])
    const merged = mergeSorted([source.open], order)
    await turn()
    await merged.return()
    const aborted = mergeSorted([source.open], { ...order, signal: AbortSignal.abort() })
    await expect(aborted.next()).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
    expect(source.opened).toBe(0)
  })

  it('hands out what is in order while the next row is still awaited', async () => {
    const quick = new ControlledSource([items([1, 2]), items([9])])
    const slow = new ControlledSource([items([3])])
    const merged = mergeSorted([quick.open, slow.open], order)
    const first = merged.next()
    await turn()
    quick.step()
    slow.step()
    expect((await first).value?.map(({ key }) => key)).toEqual([1, 2])
    expect(quick.asked).toBe(2)
    expect(slow.asked).toBe(1)
    const closing = merged.return()
    await closing
    expect([quick.closed, slow.closed]).toEqual([true, true])
    // Only the one that was being read needed to be told.
    expect([quick.interrupted, slow.interrupted]).toEqual([true, false])
  })

  it('throws the error of a source at once, while another is awaited', async () => {
    const failing = new ControlledSource<Item>([])
    const waiting = new ControlledSource<Item>([])
    const next = mergeSorted([waiting.open, failing.open], order).next()
    await turn()
    failing.fail(new Error('lost'))
    await expect(next).rejects.toThrow('lost')
    expect(waiting).toMatchObject({ closed: true, interrupted: true })
  })

  it('throws what a source throws when it is opened', async () => {
    const other = new ControlledSource<Item>([])
    const merged = mergeSorted<Item, number>(
      [
        other.open,
        () => {
          throw new Error('no such shard')
        },
      ],
      order,
    )
    await expect(merged.next()).rejects.toThrow('no such shard')
    expect(other.closed).toBe(true)
  })

  it('tells of the errors that it does not throw: the second one, and one in rows that nobody asked for', async () => {
    const told: [string, number][] = []
    const onSideError = (error: unknown, source: number) => told.push([(error as Error).message, source])
    const stubborn = () => failingOnClose('second')
    const failing = new ControlledSource<Item>([])
    const next = mergeSorted<Item, number>([stubborn, failing.open], { ...order, onSideError }).next()
    await turn()
    failing.fail(new Error('first'))
    await expect(next).rejects.toThrow('first')
    expect(told.splice(0)).toEqual([['second', 0]])

    const ahead = new ControlledSource([items([1])])
    const merged = mergeSorted([ahead.open], { ...order, onSideError })
    const first = merged.next()
    await turn()
    ahead.step()
    await first
    await turn()
    ahead.fail(new Error('ahead'))
    await turn()
    await turn()
    await merged.return()
    expect(told).toEqual([['ahead', 0]])
  })

  it('throws an error in closing when there is no other', async () => {
    const merged = mergeSorted<Item, number>([() => failingOnClose('not closed')], order)
    await merged.next()
    await expect(merged.return()).rejects.toThrow('not closed')
  })

  it('ends with an error for a source that is not sorted, within a batch or from one to the next', async () => {
    for (const batches of [[items([1, 3, 2])], [items([1, 3]), items([2])]]) {
      async function* rows() {
        yield* batches
      }
      await expect(Array.fromAsync(mergeSorted([rows], order))).rejects.toThrow(MergeError)
    }
  })

  it('closes the sources when the comparison throws', async () => {
    const source = new ControlledSource([items([1, 2])])
    const compare = () => {
      throw new Error('cannot be compared')
    }
    const read = Array.fromAsync(mergeSorted([source.open], { ...order, compare }))
    await expect(driven([source], read, () => 0)).rejects.toThrow('cannot be compared')
    expect(source.closed).toBe(true)
  })

  async function* failingOnClose(message: string): AsyncGenerator<readonly Item[], void, undefined> {
    try {
      yield items([1])
      yield items([2])
    } finally {
      // What fails here is no answer to the signal.
      // oxlint-disable-next-line no-unsafe-finally
      throw new Error(message)
    }
  }
})
