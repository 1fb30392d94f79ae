import { none, type OperationTable } from './operation-table.ts'
import { inWords, type Violations } from './violation.ts'

/** Less than any version, that of nothing (`none`) included. */
const belowAll = -2

/** How many operations could have broken each promise: where it is 0, nothing was checked. */
export interface SessionChances {
  /** Reads of a key that the session had written. */
  readYourWrites: number
  /** Reads of a key that the session had read. */
  monotonicReads: number
  /** Reads and writes of a key for which the session had seen a write that depends on another session's view of the key. */
  writesFollowReads: number
}

/** Rows: the newest of its kind that a session may not go below. */
interface Floors {
  /** The session's own acknowledged writes. */
  readonly written: Int32Array
  /** Its reads. */
  readonly read: Int32Array
  /** What a session whose write was read had seen before that write. */
  readonly seen: Int32Array
  /** The read of this session that showed that write. */
  readonly seenBy: Int32Array
}

/**
 * What a session has seen, in the order of the ends: the reads and acknowledged writes that showed it something newer of a key.
 * In columns that lie side by side, since others go through them again and again.
 */
interface View {
  readonly rows: Int32Array
  readonly keys: Int32Array
  readonly versions: Int32Array
  readonly ends: Float64Array
}

/**
 * Checks what is promised within a session. Two operations that overlap promise nothing to each other. Goes through each
 * session once, in the order of its beginnings and ends; and, for each other session of which it reads a write, through what
 * that one had seen, once: n log n operations, and at most n × sessions simple steps.
 */
export class SessionCheck {
  readonly #table: OperationTable
  readonly #violations: Violations
  /** The row of the write with this op id. */
  readonly #writers: Int32Array
  readonly #byBegin: readonly Int32Array[]
  readonly #byEnd: readonly Int32Array[]
  /** Of the session that is being checked, per key; with the versions of `seen`, or less than any. */
  readonly #now: Floors & { readonly seenVersion: Int32Array }
  /** As they were when the operation began, per row. */
  readonly #atBegin: Floors
  /** What each session has seen. */
  readonly #views: readonly View[]
  /** How much of the view of each other session this one has taken over. */
  readonly #merged: Int32Array
  readonly chances: SessionChances = { readYourWrites: 0, monotonicReads: 0, writesFollowReads: 0 }

  constructor(table: OperationTable, writers: Int32Array, violations: Violations) {
    this.#table = table
    this.#writers = writers
    this.#violations = violations
    this.#byBegin = rowsBySession(table, table.begins)
    this.#byEnd = rowsBySession(table, table.ends)
    this.#now = { ...emptyFloors(table.keyNames.size), seenVersion: new Int32Array(table.keyNames.size).fill(belowAll) }
    this.#atBegin = emptyFloors(table.length)
    this.#views = this.#byEnd.map((rows) => viewOf(table, rows))
    this.#merged = new Int32Array(table.sessionNames.size)
  }

  run(): void {
    for (let session = 0; session < this.#byBegin.length; session++) this.#checkSession(session)
  }

  #checkSession(session: number): void {
    const { begins, ends } = this.#table
    const byBegin = this.#byBegin[session]!
    const byEnd = this.#byEnd[session]!
    const touchedKeys = new Set<number>()
    const mergedSessions = new Set<number>()
    let begun = 0
    for (const ended of byEnd) {
      for (; begun < byBegin.length && begins[byBegin[begun]!]! <= ends[ended]!; begun++) this.#begin(byBegin[begun]!)
      this.#end(ended, session, touchedKeys, mergedSessions)
    }
    for (const key of touchedKeys) {
      for (const floor of [this.#now.written, this.#now.read, this.#now.seen, this.#now.seenBy]) floor[key] = none
      this.#now.seenVersion[key] = belowAll
    }
    for (const other of mergedSessions) this.#merged[other] = 0
  }

  #begin(row: number): void {
    const key = this.#table.keys[row]!
    const { written, read, seen, seenBy } = this.#atBegin
    written[row] = this.#now.written[key]!
    read[row] = this.#now.read[key]!
    seen[row] = this.#now.seen[key]!
    seenBy[row] = this.#now.seenBy[key]!
  }

  #end(row: number, session: number, touchedKeys: Set<number>, mergedSessions: Set<number>): void {
    const table = this.#table
    if (!table.isOk(row)) return
    const key = table.keys[row]!
    touchedKeys.add(key)
    if (table.isRead(row)) {
      this.#checkRead(row)
      this.#raise(this.#now.read, key, row)
      const opId = table.opIds[row]!
      const writer = opId === none ? none : this.#writers[opId]!
      if (writer !== none && table.sessions[writer] !== session && table.keys[writer] === key) {
        this.#merge(writer, row, touchedKeys)
        mergedSessions.add(table.sessions[writer]!)
      }
    } else {
      this.#checkWrite(row)
      this.#raise(this.#now.written, key, row)
    }
  }

  #checkRead(row: number): void {
    const written = this.#atBegin.written[row]!
    const read = this.#atBegin.read[row]!
    const seen = this.#atBegin.seen[row]!
    if (written !== none) this.chances.readYourWrites++
    if (read !== none) this.chances.monotonicReads++
    if (seen !== none) this.chances.writesFollowReads++
    if (this.#isBelow(row, written)) {
      this.#add('read-your-writes', [row, written], ([now, then]) => `The ${now}, after the session's own ${then}.`)
    }
    if (this.#isBelow(row, read)) {
      this.#add('monotonic-reads', [row, read], ([now, then]) => `The ${now}, after the session's earlier ${then}.`)
    }
    if (this.#isBelow(row, seen)) this.#addSeen(row)
  }

  #checkWrite(row: number): void {
    const written = this.#atBegin.written[row]!
    const read = this.#atBegin.read[row]!
    const seen = this.#atBegin.seen[row]!
    if (seen !== none) this.chances.writesFollowReads++
    if (this.#isNotAbove(row, written)) {
      this.#add('monotonic-writes', [row, written], ([now, then]) => `The ${now}, after the session's own ${then}.`)
    }
    if (this.#isNotAbove(row, read)) {
      this.#add('writes-follow-reads', [row, read], ([now, then]) => `The ${now}, after the session's ${then}.`)
    } else if (this.#isNotAbove(row, seen)) this.#addSeen(row)
  }

  #addSeen(row: number): void {
    const seenBy = this.#atBegin.seenBy[row]!
    const rows = [row, seenBy, this.#writers[this.#table.opIds[seenBy]!]!, this.#atBegin.seen[row]!]
    this.#add(
      'writes-follow-reads',
      rows,
      ([now, before, write, seen]) =>
        `The ${now}, after the ${before}. That came from the ${write}, after the ${seen}.`,
    )
  }

  #add(
    kind: 'read-your-writes' | 'monotonic-reads' | 'monotonic-writes' | 'writes-follow-reads',
    rows: readonly number[],
    sentence: (words: readonly string[]) => string,
  ): void {
    this.#violations.add(kind, () => {
      const operations = rows.map((row) => this.#table.at(row))
      const { session, key } = operations[0]!
      return { session, key, operations, message: sentence(operations.map(inWords)) }
    })
  }

  /** Takes over what the session of this write had seen when the write began. */
  #merge(writer: number, seenBy: number, touchedKeys: Set<number>): void {
    const other = this.#table.sessions[writer]!
    const keyOfWrite = this.#table.keys[writer]!
    const before = this.#table.begins[writer]!
    const { rows, keys, versions, ends } = this.#views[other]!
    const floors = this.#now
    let next = this.#merged[other]!
    for (; next < rows.length && ends[next]! < before; next++) {
      const key = keys[next]!
      // What it had seen of the same key is below the write that was read: a matter of monotonic reads.
      if (key === keyOfWrite || floors.seenVersion[key]! >= versions[next]!) continue
      touchedKeys.add(key)
      floors.seen[key] = rows[next]!
      floors.seenVersion[key] = versions[next]!
      floors.seenBy[key] = seenBy
    }
    this.#merged[other] = next
  }

  #raise(floor: Int32Array, key: number, row: number): void {
    const current = floor[key]!
    if (current === none || this.#table.versions[current]! < this.#table.versions[row]!) floor[key] = row
  }

  /** Whether a read shows something older than the floor, or another write in the floor's place. */
  #isBelow(row: number, floor: number): boolean {
    if (floor === none) return false
    const { versions, opIds } = this.#table
    return versions[row]! < versions[floor]! || (versions[row] === versions[floor] && opIds[row] !== opIds[floor])
  }

  #isNotAbove(row: number, floor: number): boolean {
    return floor !== none && this.#table.versions[row]! <= this.#table.versions[floor]!
  }
}

function rowsBySession(table: OperationTable, steps: readonly number[]): readonly Int32Array[] {
  const sizes = new Int32Array(table.sessionNames.size)
  for (const session of table.sessions) sizes[session]!++
  const rows = Array.from(sizes, (size) => new Int32Array(size))
  for (let row = table.length - 1; row >= 0; row--) {
    const session = table.sessions[row]!
    rows[session]![--sizes[session]!] = row
  }
  for (const ofOne of rows) {
    // Recorded as they ended, they are in order already.
    const inOrder = ofOne.every((row, at) => at === 0 || steps[ofOne[at - 1]!]! <= steps[row]!)
    if (!inOrder) ofOne.sort((left, right) => steps[left]! - steps[right]!)
  }
  return rows
}

function emptyFloors(size: number): Floors {
  const empty = (): Int32Array => new Int32Array(size).fill(none)
  return { written: empty(), read: empty(), seen: empty(), seenBy: empty() }
}

function viewOf(table: OperationTable, byEnd: Int32Array): View {
  const newest = new Map<number, number>()
  const rows = byEnd.filter((row) => {
    const key = table.keys[row]!
    if (!table.isOk(row) || (newest.get(key) ?? belowAll) >= table.versions[row]!) return false
    newest.set(key, table.versions[row]!)
    return true
  })
  return {
    rows,
    keys: rows.map((row) => table.keys[row]!),
    versions: rows.map((row) => table.versions[row]!),
    ends: Float64Array.from(rows, (row) => table.ends[row]!),
  }
}
