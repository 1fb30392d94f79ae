import { expect } from 'vitest'

/** Notes what happens, in order, as far as a program can see it. */
export class Notes {
  readonly lines: unknown[] = []

  readonly add = (...line: unknown[]): void => void this.lines.push(line)

  /** Waits until so many lines are there; what comes besides, `turn()` gives time to. */
  async reach(lines: number): Promise<void> {
    await expect.poll(() => this.lines.length, { interval: 1 }).toBeGreaterThanOrEqual(lines)
  }

  async of(what: string, promise: Promise<unknown>): Promise<void> {
    await promise.then(
      () => this.add(what, 'done'),
      (error: unknown) => this.add(what, told(error)),
    )
  }

  thrown(what: string, work: () => unknown): void {
    try {
      work()
      this.add(what, 'done')
    } catch (error) {
      this.add(what, told(error))
    }
  }

  events(source: { on(event: string, listener: (...given: unknown[]) => void): unknown }, names: string[]): void {
    for (const name of names) source.on(name, (error) => this.add(name, error instanceof Error ? told(error) : ''))
  }
}

/** What a program can tell errors by. */
export function told(error: unknown): readonly unknown[] {
  const { name, message, code } = error as { name: string; message: string; code?: string }
  return [(error as object).constructor.name, name, message, code]
}

/** Long enough for events that nobody can wait for. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50))
}
