import { describe, expect, it, onTestFinished } from 'vitest'
import { VirtualClock } from '../testing/virtual-clock.ts'
import type { FoundServer } from '../topology/discovery.ts'
import { ServerFollower } from './follower.ts'

const server: FoundServer = { host: 'a', port: 1 }

function following(find: () => Promise<unknown>) {
  const clock = new VirtualClock(0)
  const looks: number[] = []
  const found: (readonly FoundServer[])[] = []
  const follower = new ServerFollower({
    source: {
      about: 'a test',
      find: async () => {
        looks.push(clock.now())
        return (await find()) as readonly FoundServer[]
      },
    },
    intervalMs: 1_000,
    timeoutMs: 100,
    onFound: (servers) => found.push(servers),
    clock,
    random: () => 0.5,
  })
  onTestFinished(() => follower.stop())
  return { clock, looks, found, follower }
}

describe('looking for servers', () => {
  it('begins at once, goes on from time to time, and ends', async () => {
    const { clock, looks, found, follower } = following(async () => [server])
    expect(looks).toEqual([])
    follower.start()
    follower.start()
    await clock.advance(2_500)
    expect(looks).toEqual([0, 1_000, 2_000])
    expect(found).toHaveLength(3)
    expect(follower.last).toEqual({ source: 'a test', found: 1, failed: undefined })
    follower.stop()
    await clock.advance(5_000)
    expect(looks).toHaveLength(3)
  })

  it('is done soon when it is asked for, but at most five times a second', async () => {
    const { clock, looks, follower } = following(async () => [server])
    follower.start()
    await clock.advance(500)
    for (let n = 0; n < 10; n++) follower.lookSoon()
    await clock.advance(0)
    expect(looks).toEqual([0, 500])
    follower.lookSoon()
    await clock.advance(150)
    expect(looks).toHaveLength(2)
    await clock.advance(50)
    expect(looks).toEqual([0, 500, 700])
  })

  it.each([
    ['that fails', async () => Promise.reject(new Error('refused')), 'refused'],
    ['that never answers', () => new Promise(() => {}), 'No answer within 100 ms.'],
    ['that gives no list', async () => 'x', 'It gave no list of servers.'],
    ['that gives a server without a port', async () => [{ host: 'a' }], 'Its server 0 has no port from 1 to 65535.'],
    ['that gives a host which is none', async () => [{ host: 'a b/', port: 1 }], 'Its server 0 has no host.'],
    ['that gives a host with an account', async () => [{ host: 'a@b', port: 1 }], 'Its server 0 has no host.'],
  ])('with a source %s changes nothing, and goes on', async (_, find, failed) => {
    let isWell = true
    const { clock, looks, found, follower } = following(async () => (isWell ? [server] : await find()))
    follower.start()
    await clock.advance(500)
    isWell = false
    await clock.advance(1_000)
    expect(follower.last).toEqual({ source: 'a test', found: 1, failed })
    expect(found).toHaveLength(1)
    isWell = true
    await clock.advance(2_000)
    expect(looks.length).toBeGreaterThanOrEqual(3)
    expect(follower.last.failed).toBeUndefined()
  })
})
