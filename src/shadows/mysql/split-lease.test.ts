import { describe, expect, it } from 'vitest'
import { connect, type Client } from '../../index.ts'
import { connectionLost, simulateDrivers, type SimulatedServer, type SimulatedStep } from '../../testing/index.ts'

interface Split extends AsyncDisposable {
  readonly shadow: Client
  readonly local: SimulatedServer
  readonly base: SimulatedServer
}

const read = 'select name from product'

/** A shadow whose base has one table, and whose servers exist in memory. `failing`: what the base does not do. */
async function split(failing: SimulatedStep['action']): Promise<Split> {
  const simulated = simulateDrivers()
  const [local, base] = [simulated.server('mysql://h/dev'), simulated.server('mysql://h/shop')]
  base.answerWith(({ action, detail }) => {
    if (action === failing) throw connectionLost(true)
    return detail.includes('information_schema') ? [{ name: 'product', type: 'BASE TABLE' }] : undefined
  })
  const databases = {
    default: 'dev',
    dev: { shadow: { base: 'shop', local: 'mysql://h/dev' } },
    shop: 'mysql://h/shop',
  } as const
  const shadow = await connect({ databases }, { drivers: simulated.drivers })
  return { shadow, local, base, [Symbol.asyncDispose]: async () => await shadow.close() }
}

function done({ steps }: SimulatedServer): readonly string[] {
  return steps.filter(({ lease }) => lease !== 0).map(({ action, detail }) => `${action} ${detail}`.trim())
}

describe('the connection to the base', () => {
  it('is given back as broken if no transaction can begin on it', async () => {
    await using both = await split('begin')
    const lost = both.shadow.transaction(async (tx) => await tx.query(read))
    await expect(lost).rejects.toMatchObject({ code: 'SIGNALBOX_CONNECTION_LOST' })
    expect(both.base.leased).toBe(0)
    expect(done(both.base).at(-1)).toBe('release destroy')
  })

  it('is given back as broken if its transaction cannot be ended, which takes nothing from the local one', async () => {
    await using both = await split('rollback')
    await both.shadow.transaction(async (tx) => await tx.query(read))
    expect(both.base.leased).toBe(0)
    expect(done(both.base).slice(-2)).toEqual(['rollback', 'release destroy'])
    expect(done(both.local)).toContain('commit')
  })

  it('takes nothing from the local transaction if it cannot be given back', async () => {
    await using both = await split('release')
    await both.shadow.transaction(async (tx) => await tx.query(read))
    expect(done(both.base).at(-1)).toBe('release clean')
    expect(done(both.local)).toContain('commit')
    expect(both.local.leased).toBe(0)
  })
})
