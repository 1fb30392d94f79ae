import type { History, Operation, ReadOperation } from './operation.ts'
import { OperationTable } from './operation-table.ts'
import { SessionCheck, type SessionChances } from './session-check.ts'
import { VersionCheck, writersOf } from './version-check.ts'
import { inWords, type Violation, type ViolationKind, Violations } from './violation.ts'

/** What {@link checkHistory} takes. */
export interface CheckOptions {
  /** How many violations of each kind are listed; all are counted. Default 100. */
  readonly mostListed?: number
  /** Whether this read may fail, for instance because no good server was left. Default: none may. */
  readonly mayFail?: (read: ReadOperation) => boolean
}

/** What a checked history has shown. */
export interface Report {
  /** True if there is no violation. */
  readonly ok: boolean
  /** The first violations of each kind. */
  readonly violations: readonly Violation[]
  readonly counts: Readonly<Record<ViolationKind, number>>
  readonly operations: number
  readonly sessions: number
  readonly keys: number
  readonly reads: number
  readonly writes: number
  readonly increments: number
  /** Writes and increments that certainly did not happen, and that may have happened. */
  readonly failedWrites: number
  readonly unknownWrites: number
  /** Reads that failed and were allowed to. */
  readonly allowedFailedReads: number
  /** How many operations could have broken a promise: a history without such chances proves nothing. */
  readonly chances: Readonly<SessionChances>
  /** False if the history has no final state, so that lost and duplicated writes were looked for in part only. */
  readonly complete: boolean
}

/**
 * Checks a history for broken promises; see `ViolationKind` for what each one means. The primary's versions tell the order of
 * the writes of a key, so nothing is guessed, and what may or may not have happened counts for neither. Pure; a million
 * operations take a few seconds.
 *
 * @throws TypeError if two writes have the same op id.
 */
export function checkHistory(history: History, options: CheckOptions = {}): Report {
  const table = OperationTable.of(history.operations)
  const violations = new Violations(options.mostListed ?? 100)
  const writers = writersOf(table)
  const totals = countOperations(table, violations, options.mayFail)
  const sessions = new SessionCheck(table, writers, violations)
  sessions.run()
  new VersionCheck(table, writers, history.final, violations).run()
  return {
    ok: Object.values(violations.counts).every((count) => count === 0),
    violations: violations.listed,
    counts: violations.counts,
    operations: table.length,
    sessions: table.sessionNames.size,
    keys: table.keyNames.size,
    ...totals,
    chances: sessions.chances,
    complete: history.final !== undefined,
  }
}

function countOperations(table: OperationTable, violations: Violations, mayFail: CheckOptions['mayFail']) {
  const totals = { reads: 0, writes: 0, increments: 0, failedWrites: 0, unknownWrites: 0, allowedFailedReads: 0 }
  for (let row = 0; row < table.length; row++) {
    if (!table.isRead(row)) {
      totals[table.isIncrement(row) ? 'increments' : 'writes']++
      if (table.outcome(row) === 'failed') totals.failedWrites++
      if (table.outcome(row) === 'unknown') totals.unknownWrites++
      continue
    }
    totals.reads++
    if (table.isOk(row)) continue
    const read = table.at(row)
    if (mayFail?.(read as ReadOperation) === true) totals.allowedFailedReads++
    else violations.add('failed-read', () => failedRead(read))
  }
  return totals
}

function failedRead(read: Operation): Omit<Violation, 'kind'> {
  return { session: read.session, key: read.key, operations: [read], message: `The ${inWords(read)}.` }
}

/** What a report says, in a few lines for people, with the first violations of each kind. */
export function describeReport(report: Report, mostOfEachKind = 3): string {
  const { chances, operations, sessions, keys, reads, writes, increments, failedWrites, unknownWrites } = report
  const failedReads = report.counts['failed-read'] + report.allowedFailedReads
  const lines = [
    `${operations} operations of ${sessions} sessions on ${keys} keys: ${reads} reads, ${writes} writes, ` +
      `${increments} increments; ${failedReads} reads failed, ${failedWrites} writes failed, ${unknownWrites} unknown.`,
    `Chances: ${chances.readYourWrites} for read-your-writes, ${chances.monotonicReads} for monotonic reads, ` +
      `${chances.writesFollowReads} for writes-follow-reads.`,
    ...(report.complete ? [] : ['There is no final state: lost and duplicated writes were looked for in part only.']),
    ...(report.ok ? ['No violations.'] : []),
  ]
  for (const [kind, count] of Object.entries(report.counts)) {
    if (count === 0) continue
    const messages = report.violations.filter((violation) => violation.kind === kind).slice(0, mostOfEachKind)
    lines.push(`${kind}: ${count}`, ...messages.map(({ message }) => `  ${message}`))
  }
  return lines.join('\n')
}
