import type { StatementKind, TransactionVerb } from './analysis.ts'

/** What one statement of a text is. */
export interface Verdict {
  readonly kind: StatementKind
  readonly why: string
  readonly verb?: TransactionVerb
  /** Something stays on the connection. Default: false. */
  readonly leavesState?: boolean
  /** What it does is all in the text; otherwise tables may be missing. Default: true. */
  readonly complete?: boolean
}
