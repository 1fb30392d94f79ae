import { connect, type RecoveryReport } from '../../index.ts'
import { closeSoon } from '../close-soon.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { UsageError } from '../usage-error.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { toJson } from '../json.ts'
import { counted, tableText } from '../table-text.ts'
import type { Terminal } from '../terminal.ts'

export interface RecoverOptions extends ConfigSource {
  /** The alias of the database that holds the log, unless the configuration says it. */
  readonly log?: string
  /** Its table, unless it is the usual one. */
  readonly table?: string
  /** Milliseconds from which on an undecided transaction is given up. */
  readonly olderThan: number
  readonly json?: boolean
}

/** `signalbox recover`: ends what distributed transactions have left prepared, as their log says. */
export async function recover(options: RecoverOptions, terminal: Terminal): Promise<ExitCode> {
  const { log, table, olderThan, json } = options
  if (log === undefined && table !== undefined) throw new UsageError('Say with --log which database has the table.')
  const { config } = await loadConfig(options, processSurroundings())
  const client = await (typeof config === 'string' ? connect(config) : connect(config))
  try {
    const report = await client.recoverTransactions({
      ...(log !== undefined && { log: table === undefined ? log : { database: log, table } }),
      olderThanMs: olderThan,
    })
    const ok = isWell(report)
    await terminal.write(json === true ? toJson({ ok, ...report }) : reportText(report, terminal))
    return ok ? exitCodes.well : exitCodes.problem
  } finally {
    await closeSoon([client])
  }
}

function isWell({ branches, unreachable }: RecoveryReport): boolean {
  return unreachable.length === 0 && branches.every(({ outcome }) => outcome !== 'left')
}

function reportText({ branches, unreachable, forgotten }: RecoveryReport, terminal: Terminal): string {
  const rows = branches.map(({ transaction, database, shard, outcome, why = '' }) => [
    transaction,
    database,
    shard,
    outcome,
    why,
  ])
  const table =
    rows.length === 0 ? '' : `${tableText(['TRANSACTION', 'DATABASE', 'SHARD', 'OUTCOME', 'WHY'], rows, terminal)}\n\n`
  const problems = unreachable
    .map(({ database, shard, why }) => `✗ ${database}/${shard} was not asked: ${why}\n`)
    .join('')
  const ended = branches.filter(({ outcome }) => outcome === 'committed' || outcome === 'rolled back').length
  const still = branches.length - ended
  return `${table}${problems}Of ${counted(branches.length, 'prepared part')} of distributed transactions ${ended} ended, ${still} left; ${counted(forgotten, 'decision')} taken out of the log.\n`
}
