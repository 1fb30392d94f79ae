import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { AppliedIncrement, FinalState, History, KeyValue, Operation } from './operation.ts'
import { OperationTable } from './operation-table.ts'

/** What a line of the file holds. */
type Line =
  | { readonly operation: Operation }
  | { readonly applied: readonly AppliedIncrement[] }
  | { readonly final: readonly (readonly [string, KeyValue])[]; readonly hasSideTable: boolean }

const chunkSize = 1 << 16
const appliedPerLine = 1000

/**
 * Writes a history to a file, one JSON object in a line: each operation when it is over, the final state at the end. What has
 * gathered is written in portions of 64 KiB, and all of it when the file is closed.
 */
export class HistoryWriter {
  readonly #file: number
  #gathered: string[] = []
  #size = 0

  /** @throws what opening the file throws; one that is there already is overwritten. */
  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  add(operation: Operation): void {
    this.#write({ operation })
  }

  close(final: FinalState | undefined): void {
    if (final !== undefined) {
      for (let from = 0; from < (final.applied?.length ?? 0); from += appliedPerLine) {
        this.#write({ applied: final.applied!.slice(from, from + appliedPerLine) })
      }
      this.#write({ final: [...final.values], hasSideTable: final.applied !== undefined })
    }
    this.#flush()
    closeSync(this.#file)
  }

  #write(line: Line): void {
    const text = `${JSON.stringify(line)}\n`
    this.#gathered.push(text)
    this.#size += text.length
    if (this.#size >= chunkSize) this.#flush()
  }

  #flush(): void {
    const bytes = Buffer.from(this.#gathered.join(''))
    for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written)
    this.#gathered = []
    this.#size = 0
  }
}

/**
 * Reads a history that a `HistoryRecorder` has written. A last line that was cut off, as by the end of the process, is left
 * out.
 *
 * @throws SyntaxError if another line is not JSON.
 */
export function readHistory(path: string): History {
  const operations = new OperationTable()
  const applied: AppliedIncrement[] = []
  let final: FinalState | undefined
  for (const text of completeLines(path)) {
    const line = JSON.parse(text) as Line
    if ('operation' in line) operations.add(line.operation)
    else if ('applied' in line) applied.push(...line.applied)
    else final = { values: new Map(line.final), ...(line.hasSideTable ? { applied } : {}) }
  }
  return { operations, ...(final === undefined ? {} : { final }) }
}

function* completeLines(path: string): Generator<string, undefined> {
  const file = openSync(path, 'r')
  try {
    const chunk = Buffer.alloc(chunkSize * 16)
    const decoder = new StringDecoder('utf8')
    let rest = ''
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, length))).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } finally {
    closeSync(file)
  }
}
