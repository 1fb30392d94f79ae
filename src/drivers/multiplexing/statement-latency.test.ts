import { describe, expect, it } from 'vitest'
import { LatencyRecord } from './statement-latency.ts'

const slowMs = 10

function repeat(record: LatencyRecord, times: number, ms: number): void {
  for (let i = 0; i < times; i++) record.observe(ms, slowMs)
}

describe('what is learnt about the time a text takes', () => {
  it('starts with connections of its own, and lets a quick text share after two runs', () => {
    const record = new LatencyRecord()
    expect(record.mayShare).toBe(false)
    record.observe(1, slowMs)
    expect(record.mayShare).toBe(false)
    record.observe(1, slowMs)
    expect(record.mayShare).toBe(true)
  })

  it('never lets a slow text share', () => {
    const record = new LatencyRecord()
    repeat(record, 10_000, slowMs)
    expect(record.mayShare).toBe(false)
    expect(record.comesAgain).toBe(true)
  })

  it('takes one hiccup in a thousand runs for what it is', () => {
    const record = new LatencyRecord()
    for (let i = 0; i < 20; i++) {
      repeat(record, 999, 1)
      record.observe(20, slowMs)
    }
    repeat(record, 2, 1)
    expect(record.mayShare).toBe(true)
  })

  it('bars a text that is slow once in a hundred runs, and keeps it barred', () => {
    const record = new LatencyRecord()
    let shared = 0
    for (let i = 0; i < 20_000; i++) {
      if (i > 1_000 && record.mayShare) shared++
      record.observe(i % 100 === 99 ? 200 : 1, slowMs)
    }
    expect(shared).toBe(0)
  })

  it('bars a text after the second very slow run', () => {
    const record = new LatencyRecord()
    repeat(record, 50, 1)
    record.observe(200, slowMs)
    repeat(record, 50, 1)
    expect(record.mayShare).toBe(true)
    record.observe(200, slowMs)
    repeat(record, 50, 1)
    expect(record.mayShare).toBe(false)
  })

  it('lets a text come back that has been quick for long', () => {
    const record = new LatencyRecord()
    repeat(record, 10, 100)
    repeat(record, 500, 1)
    expect(record.mayShare).toBe(false)
    repeat(record, 1_500, 1)
    expect(record.mayShare).toBe(true)
  })

  it('sends no second run of a text to a shared connection while one holds up such a connection', () => {
    const record = new LatencyRecord()
    repeat(record, 100, 1)
    record.holdsUp()
    expect(record.mayShare).toBe(false)
    record.holdUpEnded()
    expect(record.mayShare).toBe(true)
  })

  it('counts a run whose time says nothing as a sighting only', () => {
    const record = new LatencyRecord()
    record.sighted()
    record.sighted()
    expect(record).toMatchObject({ comesAgain: true, mayShare: false })
  })
})
