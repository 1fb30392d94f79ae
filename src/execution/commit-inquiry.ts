import { setTimeout } from 'node:timers/promises'
import type { InquirySource, LeaseSource } from './transaction-core.ts'

/** About a lost COMMIT the pool is asked, also for a transaction on a reserved connection: that one is gone. */
export function inquiryOf(lease: LeaseSource): InquirySource {
  return (first) => ({
    connect: async (timeoutMs) => await lease(first, 'write', { timeoutMs }),
    boundMs: first.database.replication.holdMs,
    clock: { now: () => performance.now(), sleep },
  })
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  // A fired signal ends the wait, as the end of the time does.
  await setTimeout(ms, undefined, { signal }).catch(() => undefined)
}
