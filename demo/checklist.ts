import { count, type Page } from './page.ts'

/** What the demo promises, checked while it runs: a promise that does not hold makes the demo fail. */
export class Checklist {
  readonly #page: Page
  #checked = 0
  #failed = 0

  constructor(page: Page) {
    this.#page = page
  }

  get checked(): number {
    return this.#checked
  }
  get failed(): number {
    return this.#failed
  }

  expect(what: string, actual: number, expected: number): void {
    if (actual === expected) this.#note(true, `${count(expected)} ${what}`)
    else this.#note(false, `${what}: ${count(actual)} instead of ${count(expected)}`)
  }

  holds(what: string, holds: boolean): void {
    this.#note(holds, what)
  }

  #note(holds: boolean, text: string): void {
    this.#checked += 1
    if (!holds) this.#failed += 1
    this.#page.check(holds, text)
  }
}
