import type { Access } from '../driver.ts'
import {
  evidenceText,
  factsText,
  readEvidence,
  readFacts,
  type CommitEvidence,
  type HistoryFacts,
  type Row,
} from './commit-evidence.ts'
import type { Connection } from './connection.ts'
import type { AnswerCallback, NativeAnswer } from './native.ts'
import type { Trailing } from './trailing-query.ts'

/** What one pool knows of the questions that its server answers. */
export class EvidenceSupport {
  /** The server does not answer them, at least not for this account, or is not to be asked. */
  refused: boolean
  readonly facts = new WeakMap<Connection, HistoryFacts>()

  /** `asks`: false = no transaction notes anything. */
  constructor(asks: boolean) {
    this.refused = !asks
  }

  isKnown(connection: Connection): boolean {
    return this.refused || this.facts.has(connection)
  }

  /** Asks the server behind a connection, which must be ready. Calls back in any case. */
  find(connection: Connection, then: () => void): void {
    connection.send({ sql: factsText, params: [], rowMode: 'array' }, undefined, (error, answer) => {
      this.noteError(error)
      const facts = answer === undefined ? undefined : readFacts(rowOf(answer))
      // A standby may become a primary later.
      if (facts?.standby === false) this.facts.set(connection, facts)
      connection.whenReady(then)
    })
  }

  /** A refusal is final; a loss, or a server that has no time now, is not. */
  noteError(error: unknown): void {
    const code = (error as { readonly code?: unknown } | null | undefined)?.code
    if (typeof code === 'string' && /^(?:0A|42|XX|22)/v.test(code)) this.refused = true
  }
}

/** Notes about the transaction on one connection what will tell of its fate if the answer to COMMIT is lost. */
export class TransactionTrace {
  /** Of the transaction that runs, or ended last. */
  evidence: CommitEvidence | undefined
  readonly #connection: Connection
  readonly #support: EvidenceSupport
  #open = false

  constructor(connection: Connection, support: EvidenceSupport) {
    this.#connection = connection
    this.#support = support
  }

  begin(): void {
    this.evidence = undefined
    this.#open = true
  }

  end(): void {
    this.#open = false
  }

  /** What is to be sent right behind a statement, if anything. */
  question(access: Access): Trailing | undefined {
    if (!this.#open || access === 'read' || this.evidence !== undefined || this.#support.refused) return undefined
    return this.#support.facts.has(this.#connection) ? { sql: evidenceText, answer: this.#answered } : undefined
  }

  /** After a stream, which can take nothing along. Calls back in any case. */
  ask(access: Access, then: () => void): void {
    const connection = this.#connection
    const question = this.question(access)
    if (question === undefined) {
      then()
      return
    }
    connection.whenReady(() => {
      // In a failed transaction the question would fail, too.
      if (connection.lost !== undefined || connection.client.getTransactionStatus() !== 'T') {
        then()
        return
      }
      connection.send({ sql: question.sql, params: [] }, undefined, (error, answer) => {
        question.answer(error, answer)
        then()
      })
    })
  }

  readonly #answered: AnswerCallback = (error, answer) => {
    // The right was taken from the account meanwhile: that has cost this transaction, and must not cost another.
    this.#support.noteError(error)
    const facts = this.#support.facts.get(this.#connection)
    if (answer !== undefined && facts !== undefined) this.evidence ??= readEvidence(rowOf(answer), facts)
  }
}

/** The trailing question has no row mode, so its row is an object, the columns in order. */
function rowOf(answer: NativeAnswer): Row | undefined {
  const row: unknown = Array.isArray(answer) ? undefined : answer.rows[0]
  return row === undefined || Array.isArray(row) ? (row as Row | undefined) : (Object.values(row as object) as Row)
}
