import { SingleBar } from 'cli-progress'
import { count } from './page.ts'

/** How far the loading is: a bar on a terminal, one line for each table elsewhere (a CI's log, a file, a pipe). */
export class Progress implements Disposable {
  readonly #bar: SingleBar | undefined
  readonly #total: number
  #done = 0

  constructor(total: number) {
    this.#total = total
    if (!process.stdout.isTTY) return
    this.#bar = new SingleBar({
      format: '{bar} {percentage} % │ {value} of {total} rows │ {table}',
      formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? count(value) : String(value)),
      barCompleteChar: '━',
      barIncompleteChar: '─',
      barsize: 40,
      hideCursor: true,
      fps: 30,
      stream: process.stdout,
    })
    this.#bar.start(total, 0, { table: '' })
  }

  add(rows: number, table: string): void {
    this.#done += rows
    this.#bar?.update(this.#done, { table })
  }

  tableDone(table: string, database: string, rows: number): void {
    if (this.#bar !== undefined) return
    const percentage = Math.round((this.#done / this.#total) * 100)
    process.stdout.write(`  ${String(percentage).padStart(3)} %  ${count(rows)} rows of ${table} in ${database}\n`)
  }

  /** Ends the bar and shows the cursor again. */
  [Symbol.dispose](): void {
    this.#bar?.stop()
  }
}
