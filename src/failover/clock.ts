/** What the monitor needs of time; milliseconds from an arbitrary start. `VirtualClock` of `signalbox/testing` is one too. */
export interface Clock {
  now(): number
  /** The timer must not keep the process alive. */
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** The machine's clock: never set back, and no timer of it keeps the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms).unref(),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout | undefined)
  },
}
