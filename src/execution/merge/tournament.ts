/**
 * Finds the least of a fixed number of players again and again, with log2(n) comparisons each time (a tree of losers).
 * `isBefore` must be a strict total order.
 */
export class Tournament {
  readonly #isBefore: (a: number, b: number) => boolean
  /** At 1…n-1 who lost the match of that node; at 0 who lost none. The parent of node i is i >> 1. */
  readonly #nodes: Int32Array
  readonly #size: number

  constructor(size: number, isBefore: (a: number, b: number) => boolean) {
    this.#size = size
    this.#isBefore = isBefore
    this.#nodes = new Int32Array(Math.max(size, 1))
    this.#nodes[0] = size > 1 ? this.#play(1) : 0
  }

  /** The least player. */
  get winner(): number {
    return this.#nodes[0]!
  }

  /** The winner has changed its value: who wins now? */
  replay(): void {
    const nodes = this.#nodes
    let winner = nodes[0]!
    for (let node = (winner + this.#size) >> 1; node > 0; node >>= 1) {
      const rival = nodes[node]!
      if (this.#isBefore(rival, winner)) {
        nodes[node] = winner
        winner = rival
      }
    }
    nodes[0] = winner
  }

  #play(node: number): number {
    if (node >= this.#size) return node - this.#size
    const left = this.#play(2 * node)
    const right = this.#play(2 * node + 1)
    const rightWins = this.#isBefore(right, left)
    this.#nodes[node] = rightWins ? left : right
    return rightWins ? right : left
  }
}
