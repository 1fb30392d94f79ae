import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ControlledSource, driven } from '../../../test/support/controlled-source.ts'
import { concatenated } from './concatenated.ts'
import { limited } from './limited.ts'
import { batched, rowsOf } from './row-source.ts'

const turn = () => new Promise((done) => setImmediate(done))

it('gives what slice would give, in batches that are not empty', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(), { maxLength: 4 })),
      fc.option(fc.nat(12), { nil: undefined }),
      fc.option(fc.nat(12), { nil: undefined }),
      async (batches, offset, count) => {
        async function* source() {
          yield* batches
        }
        const parts = await Array.fromAsync(limited(concatenated([source], { concurrency: 1 }), { offset, count }))
        const end = count === undefined ? undefined : (offset ?? 0) + count
        expect(parts.flat()).toEqual(batches.flat().slice(offset ?? 0, end))
        expect(parts.every(({ length }) => length > 0)).toBe(true)
      },
    ),
  ))

it('closes the sources after the last row, and asks for no batch that it does not need', async () => {
  const source = new ControlledSource([[1, 2], [3, 4], [5], [6]])
  const read = Array.fromAsync(limited(concatenated([source.open], { concurrency: 1 }), { offset: 1, count: 2 }))
  expect(await driven([source], read, () => 0)).toEqual([[2], [3]])
  expect(source).toMatchObject({ closed: true, hasEnded: false })
  expect(source.asked).toBeLessThanOrEqual(3)
})

it('opens nothing for a count of 0', async () => {
  const source = new ControlledSource([[1]])
  expect(await Array.fromAsync(limited(concatenated([source.open], { concurrency: 1 }), { count: 0 }))).toEqual([])
  expect(source.opened).toBe(0)
})

it('closes the sources when its loop is left', async () => {
  const source = new ControlledSource([[1, 2], [3]])
  const rows = rowsOf(limited(concatenated([source.open], { concurrency: 1 }), {}))
  const first = rows.next()
  await turn()
  source.step()
  expect((await first).value).toBe(1)
  await rows.return()
  expect(source.closed).toBe(true)
})

it('rows one by one become batches, and leaving these leaves the rows', async () => {
  let left = false
  async function* rows() {
    try {
      yield* [1, 2, 3, 4, 5]
    } finally {
      left = true
    }
  }
  expect(await Array.fromAsync(batched(rows(), 2))).toEqual([[1, 2], [3, 4], [5]])
  left = false
  for await (const batch of batched(rows(), 2)) {
    expect(batch).toEqual([1, 2])
    break
  }
  expect(left).toBe(true)
})
