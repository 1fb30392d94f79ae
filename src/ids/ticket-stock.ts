import { PoolExhaustedError } from '../errors.ts'

export interface TicketStockParts {
  /**
   * Takes so many numbers that nobody else has or will get, above all that it gave before, and gives the first of them.
   */
  readonly take: (count: number) => Promise<bigint>
  /** How many numbers are kept at most, to be given without asking. */
  readonly batch: number
  /** How many callers may wait for numbers at a time. */
  readonly maxWaiting: number
}

interface Run {
  next: bigint
  left: number
}

/**
 * Gives numbers from a stock, in the order of the calls, and fills it up in time: one request at a time, for all who wait.
 * A request that fails rejects everybody who waits for it; whoever calls next makes a new one.
 */
export class TicketStock {
  readonly #parts: TicketStockParts
  /** What is left of one request, and of the one that was made before it was used up. */
  readonly #runs: Run[] = []
  #waiting: PromiseWithResolvers<bigint>[] = []
  #asking = false

  constructor(parts: TicketStockParts) {
    this.#parts = parts
  }

  next(): Promise<bigint> {
    const number = this.#taken()
    const answer = number === undefined ? this.#queued() : Promise.resolve(number)
    void this.#fill()
    return answer
  }

  get #left(): number {
    return this.#runs.reduce((sum, { left }) => sum + left, 0)
  }

  #taken(): bigint | undefined {
    const [run] = this.#runs
    if (run === undefined) return undefined
    const number = run.next
    run.next++
    run.left--
    if (run.left === 0) this.#runs.shift()
    return number
  }

  #queued(): Promise<bigint> {
    const { maxWaiting } = this.#parts
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(
        new PoolExhaustedError(
          `${maxWaiting} callers wait for a number already. The database of the tickets does not answer, or answers too ` +
            'slowly: raise `batch`, or `maxWaiting`.',
        ),
      )
    }
    const waiter = Promise.withResolvers<bigint>()
    this.#waiting.push(waiter)
    return waiter.promise
  }

  /** Never rejects. Also asks again for those who came while it was asking. */
  async #fill(): Promise<void> {
    const { batch, take } = this.#parts
    if (this.#asking) return
    this.#asking = true
    try {
      while (this.#waiting.length > 0 || this.#left < batch / 5) {
        const count = Math.max(this.#waiting.length, batch - this.#left)
        this.#runs.push({ next: await take(count), left: count })
        this.#serve()
      }
    } catch (error) {
      // Without anybody who waits nothing is lost: the rest of the stock is there, and the next call asks again.
      for (const waiter of this.#waiting.splice(0)) waiter.reject(error)
    } finally {
      this.#asking = false
    }
  }

  #serve(): void {
    let served = 0
    for (const waiter of this.#waiting) {
      const number = this.#taken()
      if (number === undefined) break
      waiter.resolve(number)
      served++
    }
    this.#waiting.splice(0, served)
  }
}
