/** What a choice looks at. */
export interface LaneLoad {
  readonly state: 'opening' | 'open' | 'stalled' | 'closing' | 'closed'
  /** Statements on the wire. */
  readonly size: number
  /** Milliseconds of the server's time that they will take, by experience. */
  readonly backlogMs: number
}

/** Most statements on the wire of one lane, whatever they take: what is read in one go then stays within a few MB. */
export const mostInFlight = 512
/** With less work than this ahead, a statement does not notice that it shares: no second lane is used. */
export const comfortableMs = 2

export interface LaneChoice<L> {
  /** Where to send; `undefined`: nowhere, use a connection of one's own. */
  readonly lane: L | undefined
  /** The lanes are busy enough for another one to be worth its connection. */
  readonly crowded: boolean
}

/**
 * The first lane with hardly any work ahead, so that a caller who does one thing at a time stays on one warm connection
 * and many callers fill one before the next (fewer connections batch better); else the one with the least work ahead,
 * unless that is more than `patienceMs`: a lane works on one statement at a time, connections of one's own in parallel.
 */
export function chooseLane<L extends LaneLoad>(lanes: readonly L[], patienceMs: number): LaneChoice<L> {
  let best: L | undefined
  for (const lane of lanes) {
    if (lane.state !== 'open') continue
    if (lane.backlogMs < comfortableMs && lane.size < mostInFlight) return { lane, crowded: false }
    if (best === undefined || lane.backlogMs < best.backlogMs) best = lane
  }
  const fits = best !== undefined && best.backlogMs <= patienceMs && best.size < mostInFlight
  return { lane: fits ? best : undefined, crowded: true }
}
