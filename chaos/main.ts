import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeReport } from '../src/testing/index.ts'
import { planKinds } from './plan.ts'
import { runChaos } from './run.ts'
import type { Tally } from './shop-of-keys.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgres' },
    minutes: { type: 'string', default: '1' },
    operations: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '48' },
    keys: { type: 'string', default: '100' },
    history: { type: 'string' },
    'hold-ms': { type: 'string' },
    faults: { type: 'string', default: 'all' },
    'no-positions': { type: 'boolean', default: false },
    asynchronous: { type: 'boolean', default: false },
  },
})

const engine = oneOf('engine', ['postgres', 'mysql'] as const)
const faults = oneOf('faults', planKinds)
const begun = performance.now()
const last = { at: begun, operations: 0 }
/** A million operations would not fit well into memory beside the rest. */
const historyPath = values.history ?? join(mkdtempSync(join(tmpdir(), 'signalbox-chaos-')), 'history.jsonl')
console.log(`Engine ${engine}, seed ${values.seed}, at most ${values.minutes} minutes.`)
const report = await runChaos({
  engine,
  seconds: Number(values.minutes) * 60,
  seed: Number(values.seed),
  clients: Number(values.clients),
  keys: Number(values.keys),
  faults,
  positions: !values['no-positions'],
  synchronous: !values.asynchronous,
  historyPath,
  ...(values.operations === undefined ? {} : { operations: Number(values.operations) }),
  ...(values['hold-ms'] === undefined ? {} : { holdMs: Number(values['hold-ms']) }),
  tell,
  onProgress,
})
console.log(describeReport(report))
process.exitCode = report.ok ? 0 : 1
if (report.ok && values.history === undefined) rmSync(dirname(historyPath), { recursive: true })
else console.log(`The history is in ${historyPath}.`)

function oneOf<T extends string>(option: 'engine' | 'faults', allowed: readonly T[]): T {
  const found = allowed.find((each) => each === values[option])
  if (found === undefined) throw new TypeError(`--${option} is ${values[option]}. Allowed: ${allowed.join(', ')}.`)
  return found
}

function tell(text: string): void {
  console.log(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(7)} s  ${text}`)
}

function onProgress(operations: number, { reads, onReplicas, failedReads, failedWrites }: Readonly<Tally>): void {
  const share = reads === 0 ? 0 : (100 * onReplicas) / reads
  const now = performance.now()
  const perSecond = Math.round((operations - last.operations) / ((now - last.at) / 1_000))
  Object.assign(last, { at: now, operations })
  const memory = Math.round(process.memoryUsage.rss() / 1_048_576)
  tell(
    `${operations} operations (${perSecond}/s), ${share.toFixed(1)} % of the reads on replicas, ` +
      `failed: ${failedReads} reads, ${failedWrites} writes; ${memory} MB`,
  )
}
