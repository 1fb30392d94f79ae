import type { Slots } from './slots.ts'

/** How long close() waits for what runs if the caller gives no limit. */
const defaultCloseTimeoutMs = 30_000

/** Resolves when no place is taken and nobody waits for one, or, with those who wait sent away, after `timeoutMs`. */
export async function drained(slots: readonly Slots[], timeoutMs = defaultCloseTimeoutMs): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([Promise.all(slots.map((each) => each.emptied())), late])
  clearTimeout(timer)
  for (const each of slots) each.dismiss()
}
