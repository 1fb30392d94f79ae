import type { Random } from '../src/testing/index.ts'

/** What befalls a server's processes or its replay. */
export const serverFaults = ['crash', 'restart', 'freeze', 'pause', 'delay', 'cut'] as const
/** What befalls the wire between the clients and a server. Replication goes another way. */
export const wireFaults = ['reset', 'black hole', 'half-open', 'slow', 'refused'] as const

export type FaultKind = (typeof serverFaults)[number] | (typeof wireFaults)[number]

/** A fault of one server for a while. */
export interface Trouble {
  readonly fault: FaultKind
  /** The primary at that time, or one of its replicas, counted from 0. */
  readonly on: 'primary' | number
  readonly ms: number
}

/** One thing after the other; `afterMs` is the quiet before it. */
export type Step = { readonly afterMs: number } & (
  | {
      readonly kind: 'troubles'
      /** At the same time: on at most one replica, and the primary. */
      readonly troubles: readonly Trouble[]
      /** Whether the next step waits until the replicas have caught up. */
      readonly catchUp: boolean
    }
  /**
   * The replicas are cut off from the primary, which is killed `cutMs` later; one is promoted after `downMs`, and the old
   * primary rejoins after another `rejoinMs`.
   */
  | {
      readonly kind: 'failover'
      /** Undefined: they are not. */
      readonly cutMs: number | undefined
      readonly downMs: number
      readonly rejoinMs: number
      /** A fault of the wire to one of the two that are left, from before the kill on. */
      readonly trouble: Trouble | undefined
    }
  /** The primary and a replica exchange their roles in order. */
  | { readonly kind: 'switchover'; readonly replica: number }
)

/** Troubles of single servers, changes of the primary, or both. */
export const planKinds = ['all', 'troubles', 'failovers'] as const

export type PlanKind = (typeof planKinds)[number]

/** Of a hundred steps. */
const shares: Readonly<Record<PlanKind, { readonly failover: number; readonly switchover: number }>> = {
  all: { failover: 20, switchover: 10 },
  troubles: { failover: 0, switchover: 0 },
  failovers: { failover: 100, switchover: 0 },
}

/** What will happen, without end. It depends on the random numbers alone, whatever becomes of the servers. */
export function* planOf(random: Random, kind: PlanKind, replicas: number): Generator<Step, never> {
  const { failover, switchover } = shares[kind]
  for (;;) {
    const afterMs = 200 + random.below(600)
    const dice = random.below(100)
    if (dice < failover) {
      const trouble = random.chance(0.3) ? wireTrouble(random, random.below(replicas)) : undefined
      const cutMs = random.chance(0.5) ? 20 + random.below(150) : undefined
      yield {
        kind: 'failover',
        afterMs,
        cutMs,
        downMs: random.below(500),
        rejoinMs: 500 + random.below(1_000),
        trouble,
      }
    } else if (dice < failover + switchover) {
      yield { kind: 'switchover', afterMs, replica: random.below(replicas) }
    } else {
      yield { kind: 'troubles', afterMs, troubles: troublesOf(random, replicas), catchUp: random.chance(0.4) }
    }
  }
}

function troublesOf(random: Random, replicas: number): readonly Trouble[] {
  const dice = random.fraction()
  const replica = random.below(replicas)
  if (dice < 0.45) return [anyTrouble(random, replica)]
  if (dice < 0.65) return [primaryTrouble(random)]
  // A primary that ends in order waits for its replicas, so of the two troubles one is of the wire.
  if (dice < 0.85) return [anyTrouble(random, replica), wireTrouble(random, 'primary')]
  return [wireTrouble(random, replica), primaryTrouble(random)]
}

function anyTrouble(random: Random, on: number): Trouble {
  return random.chance(0.5) ? wireTrouble(random, on) : { fault: pick(random, serverFaults), on, ms: duration(random) }
}

/** Short: until it is over whoever needs the primary waits. */
function primaryTrouble(random: Random): Trouble {
  if (random.chance(0.5)) return wireTrouble(random, 'primary')
  return { fault: pick(random, ['crash', 'restart', 'freeze'] as const), on: 'primary', ms: random.below(800) }
}

function wireTrouble(random: Random, on: Trouble['on']): Trouble {
  return { fault: pick(random, wireFaults), on, ms: on === 'primary' ? 100 + random.below(900) : duration(random) }
}

function duration(random: Random): number {
  return 200 + random.below(2_000)
}

function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.below(all.length)]!
}
