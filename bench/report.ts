import Table from 'cli-table3'
import type { Delay } from './failover.ts'
import type { Comparison } from './measure.ts'
import type { Unmeasured } from './reader.ts'
import type { Share } from './replication.ts'
import type { Figure } from './routing.ts'

/** Everything that a run has measured. */
export interface Results {
  readonly comparisons: readonly Comparison[]
  readonly figures: readonly Figure[]
  readonly shares: readonly Share[]
  readonly delays: readonly Delay[]
  readonly unmeasured: readonly Unmeasured[]
}

/** Whether every target is met; what could not be measured is not. */
export function allMet(results: Results): boolean {
  return Object.values(results).every((rows: readonly { readonly met: boolean }[]) => rows.every(({ met }) => met))
}

/** The results as tables for a terminal; empty ones are left out. */
export function describeResults(results: Results): string {
  const tables = [comparisonTable(results.comparisons), figureTable(results), delayTable(results.delays)]
  const missing = results.unmeasured.map(({ bench, why }) => `NOT MEASURED, and so missed: ${bench}. ${why}`)
  return [...tables.filter((table) => table.length > 0).map((table) => table.toString()), ...missing].join('\n')
}

function comparisonTable(comparisons: readonly Comparison[]): Table.Table {
  const table = tableOf('bench', 'Signalbox', 'against', 'at a time', 'theirs, µs', 'ours, µs', 'ratio')
  let last: string | undefined
  for (const row of comparisons) {
    // Said once where several rows follow each other.
    const bench = row.bench === last ? '' : row.bench
    last = row.bench
    const micros = [row.bareMicros, row.signalboxMicros].map((value) => value.toFixed(1))
    const names = [bench, row.signalbox, row.bare, row.concurrency]
    table.push([...names, ...micros, `${row.ratio.toFixed(2)}×`, row.target, row.target === '' ? '' : mark(row)])
  }
  return table
}

function figureTable({ figures, shares }: Results): Table.Table {
  const table = tableOf('bench', 'figure', 'for comparison')
  for (const row of figures)
    table.push([row.bench, row.figure ?? `${row.micros.toFixed(2)} µs`, '', row.target, mark(row)])
  for (const row of shares) {
    const pinned = `pinned for 15 s: ${row.pinnedPercent.toFixed(1)} %`
    table.push([row.bench, `${row.percent.toFixed(1)} %`, pinned, row.target, mark(row)])
  }
  return table
}

function delayTable(delays: readonly Delay[]): Table.Table {
  const table = tableOf('bench', 'times', 'median, ms', 'max, ms', 'failed reads')
  for (const row of delays) {
    const ms = [row.medianMs, row.maxMs].map((value) => value.toFixed(0))
    table.push([row.bench, row.repetitions, ...ms, row.failedReads, `${row.target}, no failed read`, mark(row)])
  }
  return table
}

function tableOf(...columns: readonly string[]): Table.Table {
  const noLines = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
  return new Table({ head: [...columns, 'target', ''], chars: noLines, style: { head: [], border: [] } })
}

function mark({ met }: { readonly met: boolean }): string {
  return met ? 'met' : 'MISSED'
}
