/**
 * Random numbers that depend on a seed alone, so that a run can be replayed: a counter that goes up by the golden ratio of
 * 2^32, scrambled with the finalizer of MurmurHash3 (both are in the public domain). Good for choosing what to do next, and
 * for nothing that must be secret.
 */
export class Random {
  #state: number

  /** @param seed An integer; its lowest 32 bits count. */
  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** An integer from 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return (bits ^ (bits >>> 16)) >>> 0
  }

  /** A number from 0 to just below 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** An integer from 0 to just below `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** Random numbers of its own for the part with this number: the same for the same seed, whatever the others have drawn. */
  static ofPart(seed: number, part: number): Random {
    return new Random(new Random(Math.imul(part, 0x632be5ab) ^ seed).uint32())
  }
}
