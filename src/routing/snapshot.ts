/** A PostgreSQL snapshot: what is visible to a statement (`pg_current_snapshot()`). */
export interface Snapshot {
  /** Every transaction before it has ended. */
  readonly xmin: bigint
  /** Nothing from it on is visible. */
  readonly xmax: bigint
  /** What ran between the two. A standby names none. */
  readonly running: readonly bigint[]
}

/** Reads PostgreSQL's text of a snapshot, `xmin:xmax:xip,xip`; `undefined` for anything else. */
export function parseSnapshot(text: string): Snapshot | undefined {
  const [, xmin, xmax, running = ''] = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/.exec(text) ?? []
  if (xmin === undefined || xmax === undefined) return undefined
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: running === '' ? [] : running.split(',').map(BigInt) }
}

/** Whether a statement with snapshot `one` sees every commit that one with snapshot `other` sees. */
export function showsAllOf(one: Snapshot, other: Snapshot): boolean {
  if (one.xmax < other.xmax) return false
  const runningThere = new Set(other.running)
  return one.running.every((xid) => xid >= other.xmax || runningThere.has(xid))
}
