import { BoundedMap } from '../statement/bounded-map.ts'
import type { Owner } from './owner-table.ts'

interface Entry {
  readonly shard: string
  readonly epoch: number
  /** When it was asked for, before the answer came. */
  readonly askedAt: number
  /** The shard is known to know that the key is its own. */
  readonly isLocal: boolean
}

/** The owners that a process remembers. What they are good for is bounded: reads go by them for a while, changes prove them. */
export class OwnerMemory {
  readonly #entries: BoundedMap<string, Entry>
  readonly #maxStalenessMs: number
  readonly #now: () => number

  constructor(options: { readonly cachedKeys: number; readonly maxStalenessMs: number; readonly now: () => number }) {
    this.#entries = new BoundedMap(options.cachedKeys)
    this.#maxStalenessMs = options.maxStalenessMs
    this.#now = options.now
  }

  now(): number {
    return this.#now()
  }

  /** The owner, if it was asked for less than `maxStalenessMs` ago. */
  shardOf(key: string): string | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && this.#now() - entry.askedAt < this.#maxStalenessMs ? entry.shard : undefined
  }

  /** What the directory said. An answer that is older than what is known of the key is not taken. */
  note(key: string, { shard, epoch }: Owner, askedAt: number): void {
    const known = this.#entries.get(key)
    if (known !== undefined && known.epoch > epoch) return
    const isSame = known?.epoch === epoch && known.shard === shard
    this.#entries.set(key, {
      shard,
      epoch,
      askedAt: isSame ? Math.max(askedAt, known.askedAt) : askedAt,
      isLocal: isSame && known.isLocal,
    })
  }

  /** A shard was seen to know that the key is its own. */
  noteLocal(key: string, shard: string): void {
    const known = this.#entries.get(key)
    if (known?.shard === shard) this.#entries.set(key, { ...known, isLocal: true })
  }

  isLocal(key: string, shard: string): boolean {
    const known = this.#entries.get(key)
    return known?.shard === shard && known.isLocal
  }

  /** The owner is another one since this epoch: what says otherwise is old. */
  forget(key: string, epoch = 0): void {
    const known = this.#entries.get(key)
    if (known !== undefined && known.epoch > epoch && epoch > 0) return
    this.#entries.set(key, {
      shard: '',
      epoch: Math.max(epoch, known?.epoch ?? 0),
      askedAt: -Infinity,
      isLocal: false,
    })
  }
}
