import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PoolExhaustedError } from '../errors.ts'
import { TicketStock } from './ticket-stock.ts'

/** A sequence whose requests the test answers; other processes may take numbers between them. */
function openSequence(batch: number, maxWaiting = 1_000) {
  const requests: { readonly count: number; answer(): Promise<void>; fail(error: unknown): Promise<void> }[] = []
  const sequence = { last: 0n }
  const take = (count: number): Promise<bigint> => {
    const { promise, resolve, reject } = Promise.withResolvers<bigint>()
    requests.push({
      count,
      answer: async () => {
        sequence.last += BigInt(count)
        resolve(sequence.last - BigInt(count) + 1n)
        await settled()
      },
      fail: async (error) => {
        reject(error)
        await settled()
      },
    })
    return promise
  }
  const stock = new TicketStock({ take, batch, maxWaiting })
  const counts = (): readonly number[] => requests.map(({ count }) => count)
  return { stock, requests, sequence, counts }
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

describe('a stock of numbers', () => {
  it('asks once for all who wait, and fills up when less than a fifth is left', async () => {
    const { stock, requests, counts } = openSequence(10)
    const first = [stock.next(), stock.next(), stock.next()]
    expect(counts()).toEqual([10])
    await requests[0]!.answer()
    expect(await Promise.all(first)).toEqual([1n, 2n, 3n])
    for (let number = 4n; number <= 8n; number++) expect(await stock.next()).toBe(number)
    expect(counts()).toEqual([10])
    expect(await stock.next()).toBe(9n)
    // One is left, and as many are fetched as make a batch of it.
    expect(counts()).toEqual([10, 9])
    expect(await stock.next()).toBe(10n)
    const late = stock.next()
    expect(counts()).toEqual([10, 9])
    await requests[1]!.answer()
    expect(await late).toBe(11n)
    expect(counts()).toEqual([10, 9])
  })

  it('asks for more than a batch where more callers wait', async () => {
    const { stock, requests, counts } = openSequence(10)
    const many = Array.from({ length: 95 }, () => stock.next())
    await requests[0]!.answer()
    expect(counts()).toEqual([10, 85])
    await requests[1]!.answer()
    expect(await Promise.all(many)).toEqual(Array.from({ length: 95 }, (_, index) => BigInt(index + 1)))
    // Nothing is left, so that the next caller need not wait.
    expect(counts()).toEqual([10, 85, 10])
  })

  it('gives an error to all who wait, and asks again for the next caller', async () => {
    const { stock, requests, counts } = openSequence(5)
    const failed = [stock.next(), stock.next()].map((next) => next.catch((error: unknown) => error))
    const error = new Error('no server')
    await requests[0]!.fail(error)
    expect(await Promise.all(failed)).toEqual([error, error])
    expect(counts()).toEqual([5])
    const next = stock.next()
    expect(counts()).toEqual([5, 5])
    await requests[1]!.answer()
    expect(await next).toBe(1n)
  })

  it('gives what it has while it cannot be filled, and asks at each call', async () => {
    const { stock, requests, counts } = openSequence(10)
    const first = stock.next()
    await requests[0]!.answer()
    await first
    for (let number = 2; number <= 8; number++) await stock.next()
    expect(await stock.next()).toBe(9n)
    await requests[1]!.fail(new Error('no server'))
    expect(await stock.next()).toBe(10n)
    expect(counts()).toEqual([10, 9, 10])
    const waiting = stock.next().catch((error: Error) => error.message)
    await requests[2]!.fail(new Error('still none'))
    expect(await waiting).toBe('still none')
  })

  it('refuses more callers than may wait, and nobody else', async () => {
    const { stock, requests } = openSequence(2, 3)
    const waiting = [stock.next(), stock.next(), stock.next()]
    await expect(stock.next()).rejects.toThrow(PoolExhaustedError)
    await requests[0]!.answer()
    await requests[1]!.answer()
    expect(await Promise.all(waiting)).toEqual([1n, 2n, 3n])
  })

  it('gives each number once, rising in the order of the calls, and keeps at most a batch', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('call' as const), times: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constantFrom('answer' as const, 'fail' as const, 'other' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        async (steps: readonly { readonly kind: string; readonly times?: number }[], batch) => {
          const { stock, requests, sequence } = openSequence(batch)
          let [asked, taken] = [0, 0n]
          const calls: Promise<bigint | 'failed'>[] = []
          for (const { kind, times = 0 } of steps) {
            for (let index = 0; index < times; index++) calls.push(stock.next().catch(() => 'failed' as const))
            if (kind === 'other') sequence.last += 3n
            const request = requests[asked]
            if (request === undefined || kind === 'call' || kind === 'other') continue
            asked++
            if (kind === 'answer') taken += BigInt(request.count)
            await (kind === 'answer' ? request.answer() : request.fail(new Error('no server')))
            expect(requests.length - asked).toBeLessThanOrEqual(1)
          }
          for (; asked < requests.length; asked++) {
            taken += BigInt(requests[asked]!.count)
            await requests[asked]!.answer()
          }
          const given = (await Promise.all(calls)).filter((number) => number !== 'failed')
          expect(given.every((number, index) => index === 0 || number > given[index - 1]!)).toBe(true)
          expect(Number(taken) - given.length).toBeLessThanOrEqual(batch)
        },
      ),
    )
  })
})
