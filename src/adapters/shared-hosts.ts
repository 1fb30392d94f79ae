import type { Behind, Hold, Opened } from './behind.ts'

/** What was opened, and how it is closed again. */
export interface Open<H> extends Opened<H> {
  readonly close: () => Promise<void>
}

/** Opens what stands behind connections when the first of them needs it, and closes it when the last one has left. */
export class SharedHosts<H> {
  readonly #entries = new Map<unknown, Entry<H>>()

  /** Those with the same key share it. */
  behind(key: unknown, open: () => Promise<Open<H>>): Behind<H> {
    return { hold: () => this.#hold(key, open) }
  }

  #hold(key: unknown, open: () => Promise<Open<H>>): Hold<H> {
    const entry = this.#entries.get(key) ?? { users: 0, opening: undefined }
    this.#entries.set(key, entry)
    entry.users += 1
    const opening = (entry.opening ??= open())
    // The next one tries again.
    opening.catch(() => {
      if (entry.opening === opening) entry.opening = undefined
    })
    let left: Promise<void> | undefined
    return { opened: opening, release: () => (left ??= this.#leave(key, entry)) }
  }

  async #leave(key: unknown, entry: Entry<H>): Promise<void> {
    entry.users -= 1
    if (entry.users > 0) return
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
    // Who could not be opened has told those who asked.
    const open = await entry.opening?.catch(() => undefined)
    await open?.close()
  }
}

interface Entry<H> {
  users: number
  opening: Promise<Open<H>> | undefined
}
