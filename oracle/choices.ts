/** Numbers from 0 up to this decide what is made. */
export const choiceLimit = 2 ** 31

/**
 * What a maker asks whenever it can go on in several ways. A smaller number is an earlier way, and none is left means the
 * first one: so whoever makes the numbers smaller, or fewer, makes the statement plainer.
 */
export class Choices {
  readonly #numbers: readonly number[]
  #next = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** A number from 0 on. */
  below(limit: number): number {
    const number = this.#numbers[this.#next++] ?? 0
    return Math.floor((number / choiceLimit) * limit)
  }

  pick<T>(ways: readonly T[]): T {
    if (ways.length === 0) throw new Error('There is nothing to choose from.')
    return ways[this.below(ways.length)]!
  }

  /** Of a hundred. The plain way is no. */
  chance(percent: number): boolean {
    return this.below(100) >= 100 - percent
  }

  /** Each of them at most once, in a random order. */
  some<T>(ways: readonly T[], least: number, most: number): readonly T[] {
    const left = [...ways]
    const count = Math.min(left.length, least + this.below(most - least + 1))
    return Array.from({ length: count }, () => left.splice(this.below(left.length), 1)[0]!)
  }
}
