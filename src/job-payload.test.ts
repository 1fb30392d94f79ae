import { expect, it } from 'vitest'
import { connect } from './connect.ts'
import { simulateDrivers } from './testing/simulated-driver.ts'

const primary = 'postgres://u@p/d'
const replica = 'postgres://u@r/d'

it('A payload carries the token of its session, and a job gets the payload as it was', async () => {
  const tokens = { keys: ['a secret of sixteen bytes'] }
  const { drivers } = simulateDrivers()
  await using client = await connect({ databases: { default: { primary, replicas: [replica] } }, tokens }, { drivers })
  const given = Object.freeze({ id: 7, signalbox: 'an older one' })
  expect(await client.withToken(given), 'nothing to remember').toEqual({ id: 7 })
  await client.session(async (session) => {
    await client.query('update item set n = 1')
    const payload = await client.withToken(given)
    expect(payload).toEqual({ id: 7, signalbox: expect.stringMatching(/^s1\./) })
    await client.job(payload, async (job, inner) => {
      expect(job).toEqual({ id: 7 })
      expect([inner === session, inner.wrote, await inner.token()]).toEqual([false, false, expect.any(String)])
    })
  })
  for (const payload of ['text', 7, [1], undefined] as unknown as { id: number }[]) {
    expect(client.job(payload, (job) => job)).toBe(payload)
    if (typeof payload !== 'string') continue
    await expect(client.withToken(payload)).rejects.toThrow('payload: "text" is not accepted.')
  }
  await expect(client.withToken([1])).rejects.toThrow('payload: ')
  expect(() => client.job(given, 7 as never)).toThrow('fn: ')
  expect(client.ignoredTokens).toEqual({})
})

it('Where no database has replicas nobody needs keys, and nothing is carried', async () => {
  const { drivers } = simulateDrivers()
  await using client = await connect({ databases: { default: 'sqlite:a.db' } }, { drivers })
  await client.query('update item set n = 1')
  expect(await client.withToken({ id: 7 })).toEqual({ id: 7 })
  expect(await client.session((session) => session.token())).toBeUndefined()
  expect(client.job({ id: 7, signalbox: 's1.garbage' }, ({ id }) => id)).toBe(7)
  expect(client.ignoredTokens).toEqual({})
})
