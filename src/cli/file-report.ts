import type { Destination, RoutePreview, SplitStatement } from '../index.ts'
import type { FailureReport } from './failure.ts'

/** What `explain --file --json` prints. Fields are only ever added. */
export interface FileReport {
  /** No statement is refused. */
  readonly ok: boolean
  /** As it was given; `-` for the standard input. */
  readonly file: string
  readonly statements: readonly StatementReport[]
  /** How many statements go where. */
  readonly counts: Readonly<Record<Destination | 'refused', number>>
}

/** One statement of the file. */
export interface StatementReport extends SplitStatement {
  /** `read`, `write`, `ddl`, …, also of a statement that is refused. */
  readonly kind: RoutePreview['kind']
  /** Absent if it is refused. */
  readonly route?: RoutePreview
  /** Present if it is refused. */
  readonly error?: FailureReport
}

/** Sums up what was found out of the statements. Pure. */
export function fileReport(file: string, statements: readonly StatementReport[]): FileReport {
  const counts = { one: 0, 'by-key': 0, scatter: 0, every: 0, refused: 0 }
  for (const { route } of statements) counts[route?.destination ?? 'refused'] += 1
  return { ok: counts.refused === 0, file, statements, counts }
}
