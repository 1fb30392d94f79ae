import { describe, expect, it } from 'vitest'
import { planOf, type Step } from '../../chaos/plan.ts'
import { type ChaosOptions, runChaos } from '../../chaos/run.ts'
import { describeReport, Random } from '../../src/testing/index.ts'
import { sharedServer, testedEngines } from '../support/servers.ts'

const engines = (['postgres', 'mysql'] as const).filter((engine) => testedEngines.includes(engine))

describe.each(engines)('the history of random sessions under faults on %s', (engine) => {
  it('breaks no promise, and no read fails', { timeout: 60_000 }, async () => {
    const steps: string[] = []
    const tell: ChaosOptions['tell'] = (text) => steps.push(text)
    const report = await runChaos({ engine, template: sharedServer(engine).template, seconds: 15, seed: 741, tell })
    expect(report.violations, describeReport(report)).toEqual([])
    expect(report.counts['failed-read'] + report.allowedFailedReads).toBe(0)
    expect(report.complete).toBe(true)
    // A history in which nothing could have gone wrong would prove nothing.
    expect(report.operations).toBeGreaterThan(1_000)
    expect(report.chances.readYourWrites).toBeGreaterThan(150)
    for (const step of [/ is promoted$/, /exchange their roles$/, /^crash of .*primary/, /^black hole of .*primary/]) {
      expect(
        steps.some((text) => step.test(text)),
        `${step} in\n${steps.join('\n')}`,
      ).toBe(true)
    }
  })

  it('breaks them where reads take replicas as they are: the check bites', { timeout: 60_000 }, async () => {
    const faults = { faults: 'troubles', positions: false } as const
    const report = await runChaos({ engine, template: sharedServer(engine).template, seconds: 3, seed: 7, ...faults })
    expect(report.counts['read-your-writes']).toBeGreaterThan(0)
    expect(report.counts['lost-write']).toBe(0)
  })

  it('shows what asynchronous replication loses, and reads that wait too short', { timeout: 60_000 }, async () => {
    const faults = { faults: 'failovers', synchronous: false, holdMs: 20 } as const
    const report = await runChaos({ engine, template: sharedServer(engine).template, seconds: 3, seed: 3, ...faults })
    expect(report.counts['lost-write']).toBeGreaterThan(0)
    expect(report.counts['failed-read']).toBeGreaterThan(0)
  })
})

describe('the plan of the faults', () => {
  const planned = (seed: number): readonly Step[] => planOf(new Random(seed), 'all', 2).take(2_000).toArray()

  it('is the same for the same seed', () => {
    expect(planned(7)).toEqual(planned(7))
    expect(planned(8)).not.toEqual(planned(7))
  })

  it('knows every fault, on replicas and, but for those of replays, on the primary', () => {
    const troubles = planned(7).flatMap((step) => (step.kind === 'troubles' ? step.troubles : []))
    const wire = ['black hole', 'half-open', 'refused', 'reset', 'slow']
    const ofRole = (isPrimary: boolean): readonly string[] =>
      [...new Set(troubles.filter(({ on }) => (on === 'primary') === isPrimary).map(({ fault }) => fault))].sort()
    expect(ofRole(false)).toEqual([...wire, 'crash', 'cut', 'delay', 'freeze', 'pause', 'restart'].sort())
    expect(ofRole(true)).toEqual([...wire, 'crash', 'freeze', 'restart'].sort())
    expect(new Set(planned(7).map(({ kind }) => kind))).toEqual(new Set(['troubles', 'failover', 'switchover']))
  })

  it('leaves a good replica at any time, and one of two troubles at a time is of the wire', () => {
    const pairs = planned(7).flatMap((step) =>
      step.kind === 'troubles' && step.troubles.length > 1 ? [step.troubles] : [],
    )
    expect(pairs.length).toBeGreaterThan(100)
    for (const pair of pairs) {
      expect(pair.filter(({ on }) => on === 'primary')).toHaveLength(1)
      expect(pair).toHaveLength(2)
      expect(pair.some(({ fault }) => ['black hole', 'half-open', 'refused', 'reset', 'slow'].includes(fault))).toBe(
        true,
      )
    }
  })
})
