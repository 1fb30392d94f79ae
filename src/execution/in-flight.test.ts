import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { parseConfig } from '../parse-config.ts'
import { InFlight } from './in-flight.ts'

describe('reads on a server that hangs', () => {
  const [server] = parseConfig('postgres://u@h/d')
    .topology.databases.get('default')!
    .shards.map(({ primary }) => primary)

  it('fail as the server is given up, and what it answers late is closed', async () => {
    const inFlight = new InFlight({ ask: () => {} })
    const [answered, failing] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    const late: string[] = []
    const reads = [answered, failing].map(
      async ({ promise }) => await inFlight.onServer(server!, promise, (answer) => late.push(answer)),
    )
    inFlight.giveUp(server!, 'no answer within 1000 ms')
    for (const { status } of await Promise.allSettled(reads)) expect(status).toBe('rejected')
    answered.resolve('rows')
    failing.reject(new Error('late'))
    await answered.promise
    expect(late).toEqual(['rows'])
  })

  it('have it asked whether it is well after a quarter of a second, and not more often', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const asked: number[] = []
    const now = (): number => performance.now()
    const begun = now()
    const inFlight = new InFlight({ ask: ({ id }) => asked.push(id === server!.id ? now() - begun : NaN), now })
    const slow = Promise.withResolvers<string>()
    const read = inFlight.onServer(server!, slow.promise)
    await inFlight.onServer(server!, Promise.resolve('short'))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toEqual([300, 600, 900])
    slow.resolve('at last')
    await read
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asked).toHaveLength(3)
    expect(vi.getTimerCount()).toBe(0)
  })
})
