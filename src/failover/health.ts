/** How a server is, as far as is known. Times are the monitor's clock, in milliseconds. */
export type Health =
  /** Never asked, or not answered yet. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'up'; readonly since: number }
  /** A statement lost its connection; a probe that begins afterwards decides. */
  | { readonly kind: 'suspect'; readonly since: number; readonly why: string }
  /** Out since the first of `attempt` failed probes in a row. */
  | {
      readonly kind: 'down'
      readonly since: number
      readonly why: string
      readonly nextProbeAt: number
      readonly attempt: number
    }
  /** Half open: was down, and is being asked again. */
  | { readonly kind: 'probing'; readonly since: number; readonly why: string; readonly attempt: number }

export type HealthEvent =
  | { readonly kind: 'probe ok'; readonly at: number }
  | {
      readonly kind: 'probe failed'
      /** When the probe began, and when it had failed. */
      readonly begunAt: number
      readonly at: number
      readonly why: string
      /** From 0 to 1; see `backOffMs`. */
      readonly random: number
    }
  /** Failed with an error of the connection: lost, refused, shutting down. */
  | { readonly kind: 'statement failed'; readonly at: number; readonly why: string }
  | { readonly kind: 'time'; readonly at: number }

export const unknownHealth: Health = { kind: 'unknown' }

const firstBackOffMs = 100
const longestBackOffMs = 500

/**
 * How long after the beginning of the failed probe number `attempt` (from 1) the next one begins: 100 ms, doubling up to
 * 500 ms, of which `random` (0 to 1) takes off 5 to 25 %. Jitter only shortens it, so that a server that is back is
 * asked, and serves, within 1 s.
 */
export function backOffMs(attempt: number, random: number): number {
  const fullMs = Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(attempt - 1, 10))
  return fullMs * (0.95 - 0.2 * random)
}

/**
 * The state after an event. A probe that failed or timed out takes the server out, whatever it was; only a probe that
 * succeeded brings it back. Statements that still fail on a server that is out say nothing new: they may have
 * begun long before.
 */
export function nextHealth(health: Health, event: HealthEvent): Health {
  switch (event.kind) {
    case 'probe ok':
      return health.kind === 'up' ? health : { kind: 'up', since: event.at }
    case 'probe failed':
      return down(health, event)
    case 'statement failed':
      return health.kind === 'unknown' || health.kind === 'up'
        ? { kind: 'suspect', since: event.at, why: event.why }
        : health
    case 'time':
      if (health.kind !== 'down' || event.at < health.nextProbeAt) return health
      return { kind: 'probing', since: health.since, why: health.why, attempt: health.attempt }
  }
}

function down(health: Health, event: HealthEvent & { readonly kind: 'probe failed' }): Health {
  const before = health.kind === 'down' || health.kind === 'probing' ? health : { since: event.at, attempt: 0 }
  const attempt = before.attempt + 1
  // Counted from the beginning of the probe: one that took its whole time limit to fail has waited long enough.
  const nextProbeAt = Math.max(event.at, event.begunAt + backOffMs(attempt, event.random))
  return { kind: 'down', since: before.since, why: event.why, nextProbeAt, attempt }
}
