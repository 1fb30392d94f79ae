/** One way to do a piece of work; `run` does it once for the given index. */
export interface Contestant {
  readonly name: string
  readonly run: (index: number) => unknown
}

/** What two contestants took, in microseconds for one operation, and how they compare. */
export interface Comparison {
  readonly bench: string
  readonly bare: string
  /** Statements under way at a time, or the rate at which they arrive. */
  readonly concurrency: number | string
  readonly bareMicros: number
  readonly signalboxMicros: number
  /** Throughput of Signalbox relative to the bare driver: the median of the ratios of neighbouring rounds. */
  readonly ratio: number
  readonly target: string
  readonly met: boolean
}

/** How a comparison is measured and judged. */
export interface Plan {
  readonly bench: string
  readonly concurrency: number
  /** Operations of one round. */
  readonly operations: number
  readonly rounds: number
  readonly bare: Contestant
  readonly signalbox: Contestant
  readonly target: { readonly ratio: number } | { readonly extraMicros: number }
}

/** Microseconds for one operation, with so many operations under way at a time. */
export async function timeRound(
  run: (index: number) => unknown,
  operations: number,
  concurrency: number,
): Promise<number> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < operations) {
      next += 1
      await run(next)
    }
  }
  const begun = process.hrtime.bigint()
  await Promise.all(Array.from({ length: concurrency }, worker))
  return Number(process.hrtime.bigint() - begun) / operations / 1_000
}

/**
 * Measures two contestants in turns within one run, A B B A A B …, so that a machine whose speed drifts treats both
 * alike, and judges the median of the ratios of neighbouring rounds.
 */
export async function compare(plan: Plan): Promise<Comparison> {
  const { bare, signalbox, operations, concurrency } = plan
  // Long enough for the compiler to have done its work, and for Signalbox to have learnt what is short.
  for (let pass = 0; pass < 4; pass++)
    for (const { run } of [bare, signalbox]) await timeRound(run, operations, concurrency)
  globalThis.gc?.()
  const rounds: { readonly bare: number; readonly signalbox: number }[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const first = round % 2 === 0 ? bare : signalbox
    const second = round % 2 === 0 ? signalbox : bare
    const one = await timeRound(first.run, operations, concurrency)
    const two = await timeRound(second.run, operations, concurrency)
    rounds.push(round % 2 === 0 ? { bare: one, signalbox: two } : { bare: two, signalbox: one })
  }
  const bareMicros = median(rounds.map((round) => round.bare))
  const signalboxMicros = median(rounds.map((round) => round.signalbox))
  const ratio = median(rounds.map((round) => round.bare / round.signalbox))
  const extra = median(rounds.map((round) => round.signalbox - round.bare))
  const { target } = plan
  return {
    bench: plan.bench,
    bare: bare.name,
    concurrency,
    bareMicros,
    signalboxMicros,
    ratio,
    target: 'ratio' in target ? `≥ ${target.ratio}×` : `≤ +${target.extraMicros} µs`,
    met: 'ratio' in target ? ratio >= target.ratio : extra <= target.extraMicros,
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which the share `q` of all values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
