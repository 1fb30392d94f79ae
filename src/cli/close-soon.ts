import { setTimeout } from 'node:timers/promises'
import type { Client } from '../index.ts'

const closingMs = 500

/** Connections are ended in order where the server plays along; one that hangs does not keep the answer waiting. */
export async function closeSoon(clients: readonly Client[]): Promise<void> {
  const waiting = new AbortController()
  // The rejection that is swallowed is the timer's own, when it is called off below.
  await Promise.race([
    Promise.allSettled(clients.map(async (client) => await client.close())),
    setTimeout(closingMs, undefined, { signal: waiting.signal, ref: false }).catch(() => undefined),
  ])
  waiting.abort()
}
