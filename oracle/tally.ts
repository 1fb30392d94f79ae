/** How a statement was answered. */
export type Way = 'by one shard' | 'scattered' | 'aggregated' | 'written'

/** What became of the statements. */
export class Tally {
  readonly #answered = new Map<Way, number>()
  readonly #refused = new Map<string, number>()
  readonly #failed = new Map<string, number>()
  /** Of statements of a form: those answered, and all of them but those that the engine refuses. */
  readonly #forms = new Map<string, { answered: number; all: number }>()
  #withRows = 0

  answered(way: Way, rows: number, form = ''): void {
    count(this.#answered, way)
    this.#note(form, 1)
    if (rows > 0) this.#withRows++
  }

  refused(reason: string, form = ''): void {
    count(this.#refused, reason)
    this.#note(form, 0)
  }

  #note(form: string, answered: number): void {
    const known = this.#forms.get(form) ?? { answered: 0, all: 0 }
    this.#forms.set(form, { answered: known.answered + answered, all: known.all + 1 })
  }

  /** By the engine, on both sides. */
  failed(error: unknown): void {
    count(
      this.#failed,
      String(error)
        .split('\n')[0]!
        .replace(/[\d.]+/g, 'n')
        .slice(0, 90),
    )
  }

  /** Of all statements, from 0 to 1. */
  get share(): number {
    return this.of() / this.statements
  }

  get statements(): number {
    return this.of() + sum(this.#refused) + sum(this.#failed)
  }

  /** Those with at least one row. */
  get withRows(): number {
    return this.#withRows
  }

  /** Answered in that way, or in any. */
  of(way?: Way): number {
    return way === undefined ? sum(this.#answered) : (this.#answered.get(way) ?? 0)
  }

  describe(): string {
    const lines = (counts: ReadonlyMap<string, number>): string =>
      [...counts]
        .toSorted(([, a], [, b]) => b - a)
        .map(([text, number]) => `\n  ${String(number).padStart(6)}  ${text}`)
        .join('')
    const percent = (100 * this.share).toFixed(1)
    return (
      `${this.statements} statements: ${this.of()} answered (${percent} %), ${this.#withRows} of them with rows${lines(this.#answered)}\n` +
      `by form:${[...this.#forms].map(([form, { answered, all }]) => `\n  ${answered} of ${all}  ${form}`).join('')}\n` +
      `${sum(this.#refused)} refused${lines(this.#refused)}\n` +
      `${sum(this.#failed)} that the engine itself refuses, on both sides${lines(this.#failed)}`
    )
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function sum(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((total, number) => total + number, 0)
}
