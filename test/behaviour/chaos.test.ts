import { describe, expect, it } from 'vitest'
import { describeReport } from '../../src/testing/index.ts'
import { runChaos } from '../../chaos/run.ts'
import { testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('the history of random sessions under faults on %s', (engine) => {
  it('breaks no promise', { timeout: 60_000 }, async () => {
    const report = await runChaos({ engine, seconds: 12, seed: 20_261_121 })
    expect(report.violations, describeReport(report)).toEqual([])
    expect(report.complete).toBe(true)
    // A history in which nothing could have gone wrong would prove nothing.
    expect(report.operations).toBeGreaterThan(2_000)
    expect(report.chances.readYourWrites).toBeGreaterThan(200)
  })

  it('breaks them where reads take replicas as they are: the check bites', { timeout: 60_000 }, async () => {
    const report = await runChaos({ engine, seconds: 5, seed: 7, failovers: false, positions: false })
    expect(report.counts['read-your-writes']).toBeGreaterThan(0)
  })
})
