import { parseArgs } from 'node:util'
import { describeReport } from '../src/testing/index.ts'
import { runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'postgres' },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '16' },
    keys: { type: 'string', default: '50' },
    history: { type: 'string' },
    'no-failovers': { type: 'boolean', default: false },
    'no-positions': { type: 'boolean', default: false },
  },
})

const begun = performance.now()
console.log(`Engine ${values.engine}, seed ${values.seed}, ${values.minutes} minutes.`)
const report = await runChaos({
  engine: values.engine === 'postgres' ? 'postgres' : 'mysql',
  seconds: Number(values.minutes) * 60,
  seed: Number(values.seed),
  clients: Number(values.clients),
  keys: Number(values.keys),
  ...(values['no-failovers'] ? { failovers: false } : {}),
  positions: !values['no-positions'],
  ...(values.history === undefined ? {} : { historyPath: values.history }),
  tell: (text) => console.log(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(7)} s  ${text}`),
})
console.log(describeReport(report))
process.exitCode = report.ok ? 0 : 1
