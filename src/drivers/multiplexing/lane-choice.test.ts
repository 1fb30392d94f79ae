import { describe, expect, it } from 'vitest'
import { chooseLane, mostInFlight, type LaneLoad } from './lane-choice.ts'

function lane(backlogMs: number, state: LaneLoad['state'] = 'open', size = 10): LaneLoad {
  return { backlogMs, state, size }
}

describe('the choice of a lane', () => {
  it('is the first one with hardly any work ahead', () => {
    const lanes = [lane(0.5), lane(0)]
    expect(chooseLane(lanes, 5)).toEqual({ lane: lanes[0], crowded: false })
    const busy = [lane(3), lane(0.1)]
    expect(chooseLane(busy, 5)).toEqual({ lane: busy[1], crowded: false })
  })

  it('is the one with the least work ahead when all are busy, and asks for another', () => {
    const lanes = [lane(4), lane(3), lane(3)]
    expect(chooseLane(lanes, 5)).toEqual({ lane: lanes[1], crowded: true })
  })

  it('is none when the wait would be longer than the patience', () => {
    expect(chooseLane([lane(6)], 5)).toEqual({ lane: undefined, crowded: true })
    expect(chooseLane([lane(6)], Infinity).lane).toBeDefined()
  })

  it('is none when the lanes are full, whatever the patience', () => {
    expect(chooseLane([lane(0, 'open', mostInFlight)], Infinity).lane).toBeUndefined()
  })

  it('passes over lanes that take nothing', () => {
    for (const state of ['opening', 'stalled', 'closing', 'closed'] as const) {
      expect(chooseLane([lane(0, state)], Infinity)).toEqual({ lane: undefined, crowded: true })
    }
  })
})
