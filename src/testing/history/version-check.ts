import { initialOpId, type FinalState, type KeyValue } from './operation.ts'
import { none, type OperationTable } from './operation-table.ts'
import { inWords, type Violations } from './violation.ts'

/** Who made a version of a key, as far as anybody has said or seen. */
interface Claim {
  /** The last one that was named. */
  opId: number
  /** All that were named, if there was more than one. */
  rivals?: Set<number>
  /** The version was certainly there at this step: the first end of an operation that named it. */
  firstEnd: number
}

/** The row of the write with each op id, `none` for those that nobody wrote. @throws TypeError if two writes have the same. */
export function writersOf(table: OperationTable): Int32Array {
  const writers = new Int32Array(table.opIdNames.size).fill(none)
  for (let row = 0; row < table.length; row++) {
    if (table.isRead(row)) continue
    const opId = table.opIds[row]!
    const name = table.opIdNames.at(opId)
    if (name === initialOpId)
      throw new TypeError(`"${initialOpId}" is the op id of what was there before the first write.`)
    if (writers[opId] !== none)
      throw new TypeError(`Two writes have the op id "${name}". It must be unique in a history.`)
    writers[opId] = row
  }
  return writers
}

/**
 * Checks what the versions of each key say, whoever saw them: lost and duplicated writes, and values from nowhere. Each
 * version of a key was made by one write, and each write made at most one version.
 */
export class VersionCheck {
  readonly #table: OperationTable
  readonly #violations: Violations
  readonly #writers: Int32Array
  readonly #final: FinalState | undefined
  readonly #initial: number
  /** Per key: who made its versions. */
  readonly #claims: readonly Map<number, Claim>[]
  /** Per op id: the first version that it was named for, and the operation that named it (`none`: the final state). */
  readonly #versions: Int32Array
  readonly #namedBy: Int32Array
  readonly #reportedTwice = new Set<number>()
  readonly #reportedLost = new Set<number>()

  constructor(table: OperationTable, writers: Int32Array, final: FinalState | undefined, violations: Violations) {
    this.#table = table
    this.#writers = writers
    this.#final = final
    this.#violations = violations
    this.#initial = table.opIdNames.find(initialOpId)
    this.#claims = Array.from({ length: table.keyNames.size }, () => new Map<number, Claim>())
    this.#versions = new Int32Array(table.opIdNames.size).fill(none)
    this.#namedBy = new Int32Array(table.opIdNames.size).fill(none)
  }

  run(): void {
    for (let row = 0; row < this.#table.length; row++) {
      if (!this.#table.isOk(row) || this.#table.opIds[row] === none) continue
      if (this.#table.isRead(row) && this.#isFromNowhere(row)) continue
      this.#claim(this.#table.keys[row]!, this.#table.versions[row]!, this.#table.opIds[row]!, row)
    }
    this.#claimFinal()
    this.#findRivals()
    if (this.#final !== undefined) {
      this.#compareWithFinal(this.#final)
      this.#findUnexplained(this.#final)
    }
  }

  #isFromNowhere(row: number): boolean {
    const table = this.#table
    const opId = table.opIds[row]!
    const writer = this.#writers[opId]!
    const reason =
      opId === this.#initial
        ? table.versions[row] !== 0 && 'What was there before the first write has version 0.'
        : this.#whyNowhere(opId, table.keys[row]!, table.versions[row]!)
    const why = reason || (writer !== none && table.begins[writer]! >= table.ends[row]! && 'That write began later.')
    if (!why) return false
    this.#violations.add('value-from-nowhere', () => {
      const operations = (writer === none ? [row] : [row, writer]).map((each) => table.at(each))
      const { session, key } = operations[0]!
      return { session, key, operations, message: `The ${operations.map(inWords).join(', and the ')}. ${why}` }
    })
    return true
  }

  #whyNowhere(opId: number, key: number, version: number): string | undefined {
    const writer = opId === none ? none : this.#writers[opId]!
    if (writer === none) return 'Nobody wrote that.'
    if (this.#table.keys[writer] !== key) return 'That was written to another key.'
    if (this.#table.outcome(writer) === 'failed') return 'That write certainly failed.'
    return version < 1 ? 'The first write makes version 1.' : undefined
  }

  #claim(key: number, version: number, opId: number, row: number): void {
    const claims = this.#claims[key]!
    const claim = claims.get(version)
    const end = row === none ? Number.POSITIVE_INFINITY : this.#table.ends[row]!
    if (claim === undefined) claims.set(version, { opId, firstEnd: end })
    else {
      if (claim.opId !== opId) (claim.rivals ??= new Set([claim.opId])).add(opId)
      claim.opId = opId
      claim.firstEnd = Math.min(claim.firstEnd, end)
    }
    if (this.#versions[opId] === none) {
      this.#versions[opId] = version
      this.#namedBy[opId] = row
    } else if (this.#versions[opId] !== version) this.#addTwice(opId, version, row)
  }

  /** The final state names makers too, and has the last word on them. */
  #claimFinal(): void {
    for (const { key, version, opId } of this.#final?.applied ?? []) {
      this.#claimOfFinal(key, { version, opId }, 'The side table of the increments')
    }
    for (const [key, value] of this.#final?.values ?? []) this.#claimOfFinal(key, value, 'The final state')
  }

  #claimOfFinal(keyName: string, { version, opId: opIdName }: KeyValue, where: string): void {
    if (opIdName === initialOpId && version === 0) return
    const key = this.#table.keyNames.find(keyName)
    const opId = this.#table.opIdNames.find(opIdName)
    const why = opId === this.#initial && opId !== none ? 'Nobody wrote that.' : this.#whyNowhere(opId, key, version)
    if (why === undefined) {
      this.#claim(key, version, opId, none)
      return
    }
    const writer = opId === none ? none : this.#writers[opId]!
    this.#violations.add('value-from-nowhere', () => ({
      key: keyName,
      operations: writer === none ? [] : [this.#table.at(writer)],
      message: `${where} has version ${version} of ${keyName} by op "${opIdName}". ${why}`,
    }))
  }

  #addTwice(opId: number, version: number, row: number): void {
    if (this.#reportedTwice.has(opId)) return
    this.#reportedTwice.add(opId)
    this.#violations.add('duplicated-write', () => {
      const operations = [this.#writers[opId]!, this.#namedBy[opId]!, row]
        .filter((each, at, all) => each !== none && all.indexOf(each) === at)
        .map((each) => this.#table.at(each))
      const { session, key } = operations[0]!
      const message = `The ${inWords(operations[0]!)}, made version ${this.#versions[opId]} and version ${version} of ${key}.`
      return { session, key, operations, message }
    })
  }

  #findRivals(): void {
    for (const claims of this.#claims) {
      for (const [version, { opId: last, rivals }] of claims) {
        for (const opId of rivals ?? []) {
          const writer = opId === this.#initial ? none : this.#writers[opId]!
          if (opId === last || writer === none) continue
          const other = last === this.#initial ? none : this.#writers[last]!
          if (this.#table.versions[writer] === version) this.#addLost(writer, 'Another write has its version', other)
        }
      }
    }
  }

  #compareWithFinal(final: FinalState): void {
    const table = this.#table
    const times = final.applied === undefined ? undefined : timesApplied(table, final.applied)
    for (let row = 0; row < table.length; row++) {
      if (table.isRead(row)) continue
      const version = final.values.get(table.keyNames.at(table.keys[row]!))?.version
      if (table.isOk(row) && table.versions[row]! > (version ?? none)) {
        this.#addLost(
          row,
          version === undefined ? 'The key is not there in the end' : `In the end it has version ${version}`,
        )
      }
      if (times === undefined || !table.isIncrement(row)) continue
      const applied = times[table.opIds[row]!]!
      if (applied === 0 && table.isOk(row)) this.#addLost(row, 'It is not in the side table')
      if (applied > 1) this.#addTwiceInSideTable(row, applied)
    }
  }

  #addTwiceInSideTable(row: number, times: number): void {
    if (this.#reportedTwice.has(this.#table.opIds[row]!)) return
    this.#violations.add('duplicated-write', () => {
      const increment = this.#table.at(row)
      const message = `The ${inWords(increment)}, is in the side table ${times} times.`
      return { session: increment.session, key: increment.key, operations: [increment], message }
    })
  }

  #addLost(row: number, why: string, other: number = none): void {
    if (this.#reportedLost.has(row)) return
    this.#reportedLost.add(row)
    this.#violations.add('lost-write', () => {
      const write = this.#table.at(row)
      const operations = other === none ? [write] : [write, this.#table.at(other)]
      const winner = other === none ? '' : `: the ${inWords(operations[1]!)}`
      const message = `The ${inWords(write)}, is lost. ${why}${winner}.`
      return { session: write.session, key: write.key, operations, message }
    })
  }

  /**
   * Finds versions that no write can have made. One that nobody named can only be by a write with an unknown outcome, that
   * nobody saw, and that began before a higher version was there: each such write explains one version.
   */
  #findUnexplained(final: FinalState): void {
    const suspects = this.#suspects(final)
    for (const [key, claims] of this.#claims.entries()) {
      const keyName = this.#table.keyNames.at(key)
      const last = final.values.get(keyName)?.version ?? none
      const versions = [...claims.keys()].filter((version) => version >= 1 && version <= last).sort((a, b) => a - b)
      const deadlines = new Float64Array(versions.length)
      for (let at = versions.length - 1; at >= 0; at--) {
        deadlines[at] = Math.min(claims.get(versions[at]!)!.firstEnd, deadlines[at + 1] ?? Number.POSITIVE_INFINITY)
      }
      const begins = suspects[key]!
      let [before, unused, begun] = [0, 0, 0]
      for (const [at, version] of versions.entries()) {
        for (; begun < begins.length && begins[begun]! < deadlines[at]!; begun++) unused++
        const missing = version - before - 1
        if (missing > unused) this.#addUnexplained(keyName, before, version, missing - unused)
        unused = Math.max(0, unused - missing)
        before = version
      }
      // Without a known maker of the last version, which is then from nowhere itself, nothing is said of those below it.
    }
  }

  /** Per key: when the writes began that may have made a version that nobody named, in order. */
  #suspects(final: FinalState): readonly (readonly number[])[] {
    const table = this.#table
    const begins: number[][] = this.#claims.map(() => [])
    for (let row = 0; row < table.length; row++) {
      if (table.isRead(row) || table.outcome(row) !== 'unknown') continue
      if (this.#versions[table.opIds[row]!] !== none) continue
      // An increment that was applied is in the side table, if there is one.
      if (table.isIncrement(row) && final.applied !== undefined) continue
      begins[table.keys[row]!]!.push(table.begins[row]!)
    }
    for (const ofOne of begins) ofOne.sort((left, right) => left - right)
    return begins
  }

  #addUnexplained(key: string, below: number, above: number, count: number): void {
    const keyNumber = this.#table.keyNames.find(key)
    this.#violations.add(
      'duplicated-write',
      () => {
        const makers = [below, above].map((version) => this.#claims[keyNumber]!.get(version)?.opId ?? none)
        const rows = makers.map((opId) => (opId === none || opId === this.#initial ? none : this.#writers[opId]!))
        const operations = rows.filter((row) => row !== none).map((row) => this.#table.at(row))
        const between = `Between version ${below} and version ${above} of ${key}`
        const are = count === 1 ? 'is 1 version' : `are ${count} versions`
        return { key, operations, message: `${between} ${are} that no write can have made.` }
      },
      count,
    )
  }
}

function timesApplied(table: OperationTable, applied: FinalState['applied'] & {}): Uint32Array {
  const times = new Uint32Array(table.opIdNames.size)
  for (const { opId } of applied) {
    const number = table.opIdNames.find(opId)
    if (number !== none) times[number]!++
  }
  return times
}
