/** A thing that is counted. */
export interface Counted<T> {
  readonly key: string
  /** At least as often as it came, and at most `error` times more. */
  readonly count: number
  readonly error: number
  readonly value: T
}

interface Entry<T> {
  key: string
  count: number
  error: number
  value: T
  /** Where it stands in the heap. */
  place: number
}

/**
 * The things that come most often, in bounded memory: the Space-Saving algorithm (Metwally, Agrawal, El Abbadi 2005). With `capacity`
 * counters, after `total` things, what came more than `total / capacity` times is certainly among them, and no count is too high by
 * more than that. As long as there are no more different things than counters, every count is exact.
 */
export class SpaceSaving<T> {
  readonly #capacity: number
  readonly #byKey = new Map<string, Entry<T>>()
  /** The smallest count first: a binary heap. */
  readonly #heap: Entry<T>[] = []
  #total = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** How many came. */
  get total(): number {
    return this.#total
  }

  /** Counts one. `make`: what is kept about it from now on, if it is not among those that are counted. Gives what is kept. */
  add(key: string, make: () => T): T {
    this.#total += 1
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      known.count += 1
      this.#sink(known)
      return known.value
    }
    const value = make()
    const { length } = this.#heap
    if (length < this.#capacity) {
      // A count of 1 is nowhere below its place: it rises past the greater ones.
      const entry: Entry<T> = { key, count: 1, error: 0, value, place: length }
      this.#heap.push(entry)
      this.#byKey.set(key, entry)
      this.#rise(entry)
      return value
    }
    const [least] = this.#heap
    if (least === undefined) return value
    // It takes the counter of the rarest, whose count it may have had itself before it was forgotten.
    this.#byKey.delete(least.key)
    least.error = least.count
    least.count += 1
    least.key = key
    least.value = value
    this.#byKey.set(key, least)
    this.#sink(least)
    return value
  }

  /** The most frequent first; of equal counts the one that is surer. */
  top(most: number): readonly Counted<T>[] {
    return this.#heap
      .toSorted((a, b) => b.count - a.count || a.error - b.error)
      .slice(0, most)
      .map(({ key, count, error, value }) => ({ key, count, error, value }))
  }

  #rise(entry: Entry<T>): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1]!
      if (parent.count <= entry.count) return
      this.#swap(entry, parent)
    }
  }

  #sink(entry: Entry<T>): void {
    for (;;) {
      const left = this.#heap[2 * entry.place + 1]
      const right = this.#heap[2 * entry.place + 2]
      const smaller = right !== undefined && left !== undefined && right.count < left.count ? right : left
      if (smaller === undefined || smaller.count >= entry.count) return
      this.#swap(smaller, entry)
    }
  }

  #swap(a: Entry<T>, b: Entry<T>): void {
    const place = a.place
    a.place = b.place
    b.place = place
    this.#heap[a.place] = a
    this.#heap[b.place] = b
  }
}
