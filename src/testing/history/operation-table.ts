import type { Operation, Outcome } from './operation.ts'

const kinds = ['read', 'write', 'increment'] as const
const outcomes: readonly Outcome[] = ['ok', 'failed', 'unknown']

/** What stands in a column of numbers where there is nothing. */
export const none = -1

/** Gives each text a number, from 0. */
export class Names {
  readonly #numbers = new Map<string, number>()
  readonly #names: string[] = []

  get size(): number {
    return this.#names.length
  }

  /** The number of this text, a new one if it has none. */
  add(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#names.push(name)
    this.#numbers.set(name, this.#names.length - 1)
    return this.#names.length - 1
  }

  /** The number of this text, or `none`. */
  find(name: string): number {
    return this.#numbers.get(name) ?? none
  }

  at(number: number): string {
    const name = this.#names[number]
    if (name === undefined) throw new RangeError(`There is no name ${number} among ${this.#names.length}.`)
    return name
  }
}

/** Operations in columns of numbers: a million takes about a hundred megabytes, and the checker goes through it fast. */
export class OperationTable implements Iterable<Operation> {
  readonly sessionNames = new Names()
  readonly keyNames = new Names()
  readonly opIdNames = new Names()
  readonly #serverNames = new Names()
  readonly #errors = new Map<number, string>()
  readonly #kinds: number[] = []
  readonly #outcomes: number[] = []
  readonly #startedMs: number[] = []
  readonly #endedMs: number[] = []
  readonly #servers: number[] = []
  readonly sessions: number[] = []
  readonly keys: number[] = []
  readonly begins: number[] = []
  readonly ends: number[] = []
  /** Of a write, or of the one that a read saw; `none` if it saw nothing. */
  readonly opIds: number[] = []
  /** That a write made or a read saw; `none` if it is not known, or if the key was not there. */
  readonly versions: number[] = []

  /** The operations as a table; themselves if they are one. */
  static of(operations: Iterable<Operation>): OperationTable {
    if (operations instanceof OperationTable) return operations
    const table = new OperationTable()
    for (const operation of operations) table.add(operation)
    return table
  }

  get length(): number {
    return this.#kinds.length
  }

  add(operation: Operation): void {
    const { kind, session, key, begin, end, startedMs, endedMs, outcome, server, error } = operation
    const value = kind === 'read' ? operation.value : operation
    if (error !== undefined) this.#errors.set(this.length, error)
    this.#kinds.push(kinds.indexOf(kind))
    this.#outcomes.push(outcomes.indexOf(outcome))
    this.#startedMs.push(startedMs)
    this.#endedMs.push(endedMs)
    this.#servers.push(server === undefined ? none : this.#serverNames.add(server))
    this.sessions.push(this.sessionNames.add(session))
    this.keys.push(this.keyNames.add(key))
    this.begins.push(begin)
    this.ends.push(end)
    this.opIds.push(value === undefined ? none : this.opIdNames.add(value.opId))
    this.versions.push(value?.version ?? none)
  }

  isRead(row: number): boolean {
    return this.#kinds[row] === 0
  }

  isIncrement(row: number): boolean {
    return this.#kinds[row] === 2
  }

  isOk(row: number): boolean {
    return this.#outcomes[row] === 0
  }

  outcome(row: number): Outcome {
    return outcomes[this.#outcomes[row]!]!
  }

  /** @throws RangeError if there is no such row. */
  at(row: number): Operation {
    if (!(row >= 0 && row < this.length)) throw new RangeError(`There is no operation ${row} among ${this.length}.`)
    const kind = kinds[this.#kinds[row]!]!
    const [opId, version, server, error] = [
      this.opIds[row]!,
      this.versions[row]!,
      this.#servers[row]!,
      this.#errors.get(row),
    ]
    const common = {
      session: this.sessionNames.at(this.sessions[row]!),
      key: this.keyNames.at(this.keys[row]!),
      begin: this.begins[row]!,
      end: this.ends[row]!,
      startedMs: this.#startedMs[row]!,
      endedMs: this.#endedMs[row]!,
      outcome: this.outcome(row),
      ...(server === none ? {} : { server: this.#serverNames.at(server) }),
      ...(error === undefined ? {} : { error }),
    }
    if (kind === 'read') {
      return opId === none
        ? { kind, ...common }
        : { kind, ...common, value: { version, opId: this.opIdNames.at(opId) } }
    }
    const write = { kind, ...common, opId: this.opIdNames.at(opId) }
    return version === none ? write : { ...write, version }
  }

  *[Symbol.iterator](): Generator<Operation, undefined> {
    for (let row = 0; row < this.length; row++) yield this.at(row)
  }
}
