import { afterAll, beforeAll } from 'vitest'

/** Started before the first test of the `describe` that calls it, and ended after the last. Its parts are there while tests run. */
export function forAllTests<T extends AsyncDisposable>(start: () => Promise<T>): T {
  const shared: Partial<T> = {}
  beforeAll(async () => {
    Object.assign(shared, await start())
  }, 60_000)
  afterAll(async () => await shared[Symbol.asyncDispose]?.())
  return shared as T
}
