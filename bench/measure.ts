/** One way to do a piece of work; `run` does it once, for the given index. */
export interface Contestant {
  readonly name: string
  readonly run: (index: number) => unknown
  /** Operations that one `run` makes; default 1. */
  readonly perRun?: number
}

/** What two contestants took, in microseconds for one operation, and how they compare. */
export interface Comparison {
  readonly bench: string
  readonly bare: string
  readonly signalbox: string
  /** Statements under way at a time, or the rate at which they arrive. */
  readonly concurrency: number | string
  readonly bareMicros: number
  readonly signalboxMicros: number
  /** Throughput of Signalbox relative to the bare driver: the median of the ratios of neighbouring rounds. */
  readonly ratio: number
  /** Empty: printed beside the others, and not judged. */
  readonly target: string
  readonly met: boolean
}

/** How the throughput, or the time for one operation, of Signalbox is judged against another contestant's. */
export type Target = { readonly ratio: number } | { readonly extraMicros: number } | 'not judged'

interface Round {
  readonly bench: string
  readonly concurrency: number
  /** Operations of one round. */
  readonly operations: number
  readonly rounds: number
}

/** How a comparison is measured and judged. */
export interface Plan extends Round {
  readonly bare: Contestant
  readonly signalbox: Contestant
  readonly target: Target
}

/** As a plan, with several contestants on both sides: each way to use Signalbox is compared with each of the others. */
export interface PlanOfSeveral extends Round {
  readonly others: readonly { readonly contestant: Contestant; readonly target: Target }[]
  readonly signalbox: readonly (Contestant & { readonly judged: boolean })[]
}

/** Microseconds for one operation, with so many runs under way at a time. */
export async function timeRound(
  { run, perRun = 1 }: Omit<Contestant, 'name'>,
  operations: number,
  concurrency: number,
): Promise<number> {
  const last = Math.ceil(operations / perRun)
  let runs = 0
  const worker = async (): Promise<void> => {
    while (runs < last) {
      runs += 1
      await run(runs)
    }
  }
  const begun = process.hrtime.bigint()
  await Promise.all(Array.from({ length: concurrency }, worker))
  return Number(process.hrtime.bigint() - begun) / (last * perRun) / 1_000
}

/** As `compareAll`, with one contestant on each side. */
export async function compare({ bare, signalbox, target, ...round }: Plan): Promise<Comparison> {
  const plan = { ...round, others: [{ contestant: bare, target }], signalbox: [{ ...signalbox, judged: true }] }
  const [comparison] = await compareAll(plan)
  return comparison!
}

/**
 * Measures all contestants in turns within one run, A B C B C A C A B …, so that a machine whose speed drifts treats them
 * alike, and judges the medians of the ratios within the rounds. Ways to use Signalbox that are not judged are compared
 * with the first of the others alone.
 */
export async function compareAll(plan: PlanOfSeveral): Promise<readonly Comparison[]> {
  const { bench, concurrency, operations, others } = plan
  const contestants = [...others.map(({ contestant }) => contestant), ...plan.signalbox]
  const rounds = contestants.map((each) => async () => await timeRound(each, operations, concurrency))
  const times = await timeInTurns(rounds, plan.rounds)
  return plan.signalbox.flatMap((signalbox, place) => {
    const own = times.map((micros) => micros[others.length + place]!)
    const opponents = signalbox.judged ? others : others.slice(0, 1)
    return opponents.map(({ contestant, target }, index) => {
      const theirs = times.map((micros) => micros[index]!)
      const names = { bench, bare: contestant.name, signalbox: signalbox.name, concurrency }
      return { ...names, ...judged(theirs, own, signalbox.judged ? target : 'not judged') }
    })
  })
}

/**
 * The times of contestants, each by what measures one round of it, in turns A B C B C A C A B …: for each round those of all. Before that as
 * many rounds as it takes the compiler to have done its work, and Signalbox to have learnt what is short.
 */
export async function timeInTurns(
  contestants: readonly (() => Promise<number>)[],
  rounds: number,
): Promise<readonly (readonly number[])[]> {
  for (let pass = 0; pass < 4; pass++) for (const time of contestants) await time()
  globalThis.gc?.()
  const times: (readonly number[])[] = []
  for (let round = 0; round < rounds; round++) {
    const micros: number[] = []
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length
      micros[index] = await contestants[index]!()
    }
    times.push(micros)
  }
  return times
}

/** Two contestants' times of the same rounds, in microseconds for one operation. */
export function judged(
  bare: readonly number[],
  signalbox: readonly number[],
  target: Target,
): Pick<Comparison, 'bareMicros' | 'signalboxMicros' | 'ratio' | 'target' | 'met'> {
  const ratio = median(bare.map((micros, round) => micros / signalbox[round]!))
  const figures = { bareMicros: median(bare), signalboxMicros: median(signalbox), ratio }
  if (target === 'not judged') return { ...figures, target: '', met: true }
  if ('ratio' in target) return { ...figures, target: `≥ ${target.ratio}×`, met: ratio >= target.ratio }
  const extra = median(bare.map((micros, round) => signalbox[round]! - micros))
  return { ...figures, target: `≤ +${target.extraMicros} µs`, met: extra <= target.extraMicros }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which the share `q` of all values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
