import { randomBytes } from 'node:crypto'
import { BoundedMap } from '../../statement/bounded-map.ts'
import type { KnownColumns } from './known-columns.ts'
import { LatencyRecord } from '../multiplexing/statement-latency.ts'

/** Longer texts are run once as a rule (bulk inserts) and are not worth remembering. */
const longestText = 16_384
/** Texts remembered for a pool, whatever the size of the statement caches: about 1 kB each, so 4 MB at most as a rule. */
const mostTexts = 4_096
/** Names that the server did not know, after which a pooler is assumed that cannot keep them, and naming ends. */
const mostLostNames = 16

/** Errs towards false: a comment in front only costs that the columns are asked for each time. */
const plannedText = /^[\s(]*(?:select|with|insert|update|delete|merge|values)\b/i

/** What a pool knows about one SQL text. */
export class StatementRecord {
  readonly sql: string
  /** The name to prepare it under, once it is known to come again. */
  name: string | undefined
  /** False for several statements in one text: only the simple protocol takes those. */
  readonly nameable: boolean
  /** The server plans it: not a FETCH, EXECUTE, CALL or SHOW, whose columns may differ from run to run. */
  readonly planned: boolean
  readonly latency = new LatencyRecord()
  /** Those of the last answer, where the server describes each. */
  described: KnownColumns | undefined

  constructor(sql: string, nameable: boolean) {
    this.sql = sql
    this.nameable = nameable
    this.planned = plannedText.test(sql)
  }
}

/**
 * The SQL texts that a pool has seen, bounded, and the names under which its connections prepare them.
 *
 * A text gets a name when it is seen a second time, so that one-offs are never prepared. Names are counted, not hashed,
 * and start with something random: behind a pooler two processes may share a server connection, and a name of one must
 * never mean a text of the other.
 */
export class StatementBook {
  readonly #records: BoundedMap<string, StatementRecord>
  /** Of texts that come once, by what they are alike in: not among the others, for they never get a name. */
  readonly #alike: BoundedMap<string, StatementRecord>
  readonly #prefix = `sb${randomBytes(4).toString('hex')}_`
  #counter = 0
  #naming: boolean
  #lostNames = 0

  /** `naming`: false = no text ever gets a name. `limit`: texts that are remembered. */
  constructor(naming: boolean, limit = mostTexts) {
    this.#records = new BoundedMap(limit)
    this.#alike = new BoundedMap(limit)
    this.#naming = naming
  }

  /** The record of a text; `undefined` if it is too long to be remembered. Counts as a sighting. */
  lookUp(sql: string): StatementRecord | undefined {
    const known = this.#records.get(sql)
    if (known !== undefined) {
      if (known.name === undefined && this.#naming && known.nameable) known.name = this.#nextName()
      return known
    }
    if (sql.length > longestText) return undefined
    const record = new StatementRecord(sql, isSingleStatement(sql))
    this.#records.set(sql, record)
    return record
  }

  /** What is known of texts that differ in their values alone, of which `sql` is one. None of them gets a name. */
  lookUpAlike(likeness: string, sql: string): StatementRecord {
    const known = this.#alike.get(likeness)
    if (known !== undefined) return known
    const record = new StatementRecord(sql, isSingleStatement(sql))
    this.#alike.set(likeness, record)
    return record
  }

  /** The name is stale (its result type changed) or lost (the server does not know it): it is never used again. */
  renew(record: StatementRecord, why: 'stale' | 'lost'): void {
    if (why === 'lost' && ++this.#lostNames >= mostLostNames) this.#naming = false
    record.name = this.#naming ? this.#nextName() : undefined
  }

  #nextName(): string {
    return this.#prefix + (++this.#counter).toString(36)
  }
}

/** Errs towards false: a `;` inside a literal or comment only costs the name. */
function isSingleStatement(sql: string): boolean {
  const semicolon = sql.indexOf(';')
  return semicolon === -1 || sql.slice(semicolon + 1).trim() === ''
}
