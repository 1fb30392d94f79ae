import { readdir } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import type { Ended } from '../support/program.ts'
import { testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('the example of replication', () => {
  const install = exampleOf('replication')

  function expectPages({ code, output }: Ended): void {
    expect(output.split('\n').filter((line) => /^(?:Ada|Somebody|—)/.test(line))).toEqual([
      'Somebody who looks around: 2 reviews, from the replica, the newest by Edsger',
      'Ada, who has just written: 3 reviews, from the primary, the newest by Ada',
      'Somebody else at the same time: 2 reviews, from the replica, the newest by Edsger',
      'Ada again, with her token: 3 reviews, from the primary, the newest by Ada',
      '— the replica has the new review —',
      'Somebody who looks around: 3 reviews, from the replica, the newest by Ada',
      'Ada again: 3 reviews, from the replica, the newest by Ada',
    ])
    expect(code).toBe(0)
  }

  it('runs on SQLite files with a lag of its own, and again on the files that are there', async () => {
    const { folder, run } = await install()
    expectPages(await run())
    expectPages(await run({ LAG_MS: '500' }))
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['primary.db', 'replica-1.db']))
  })

  const servers = testedEngines.filter((engine) => engine !== 'sqlite')
  it.each(servers)('runs on %s by one setting', async (engine) => {
    const { run } = await install()
    const ended = await run({ ENGINE: engine === 'mysql' ? 'mariadb' : engine, LAG_MS: '1000' })
    expectPages(ended)
    expect(ended.output.trimEnd().split('\n').at(-1)).toContain('the replica shows everything that the session wrote')
  })

  it('says what the settings may be', async () => {
    const { run } = await install()
    const [engine, lag] = [await run({ ENGINE: 'oracle' }), await run({ LAG_MS: 'long' })]
    expect(engine.output).toContain('ENGINE=oracle: use sqlite, postgres or mariadb.')
    expect(lag.output).toContain('LAG_MS=long: a number of milliseconds')
    expect([engine.code, lag.code]).toEqual([1, 1])
  })
})
