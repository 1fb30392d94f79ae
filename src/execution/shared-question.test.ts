import { expect, it } from 'vitest'
import { SharedQuestion } from './shared-question.ts'

it('A shared question is put once for all who ask in one turn, and anew for those who ask while it is under way', async () => {
  const open: PromiseWithResolvers<number>[] = []
  const question = new SharedQuestion(() => {
    const next = Promise.withResolvers<number>()
    open.push(next)
    return next.promise
  })
  const first = [question.ask(), question.ask()]
  await new Promise(setImmediate)
  expect(open).toHaveLength(1)
  const late = [question.ask(), question.ask()]
  await new Promise(setImmediate)
  expect(open).toHaveLength(1)
  open[0]!.resolve(1)
  expect(await Promise.all(first)).toEqual([1, 1])
  await new Promise(setImmediate)
  expect(open).toHaveLength(2)
  open[1]!.reject(new Error('lost'))
  for (const one of late) await expect(one).rejects.toThrow('lost')
  const last = question.ask()
  await new Promise(setImmediate)
  open[2]!.resolve(3)
  expect(await last).toBe(3)
})
