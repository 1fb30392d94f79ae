import { clearScreenDown, moveCursor } from 'node:readline'
import { count, milliseconds, paint } from '../page.ts'
import type { Slice } from './observations.ts'

const bars = ' ▁▂▃▄▅▆▇█'
const labelWidth = 22
const serverColours = ['cyan', 'green', 'magenta', 'yellow', 'blue'] as const

export interface ChartParts {
  readonly names: readonly string[]
  /** What a server is now, in a word or two. */
  readonly stateOf: (server: number) => string
}

/**
 * Reads of each server, writes and waits over time, one column for each slice of it: drawn anew in place on a terminal,
 * a plain line for each slice elsewhere. Incidents stand above it.
 */
export class Chart {
  readonly #parts: ChartParts
  readonly #isLive = process.stdout.isTTY
  readonly #begun = performance.now()
  readonly #slices: Slice[] = []
  #lastAt = ''
  #drawnLines = 0

  constructor(parts: ChartParts) {
    this.#parts = parts
  }

  add(slice: Slice): void {
    this.#slices.push(slice)
    this.#lastAt = this.#now()
    if (this.#isLive) this.#draw()
    else this.#line(`  ${this.#now()}  ${this.#inWords(slice)}`)
  }

  /** Something that happened to a server. */
  incident(text: string): void {
    this.#erase()
    this.#line(`  ${this.#now()}  ${paint(['bold', 'yellow'], text)}`)
    if (this.#isLive) this.#draw()
  }

  #inWords({ reads, writes, failures, longestMs }: Slice): string {
    const perServer = reads.map((each, server) => `${this.#parts.names[server]} ${count(each)}`).join(', ')
    const failed = failures === 0 ? '' : `; ${failures} failed`
    return `reads: ${perServer}; writes: ${count(writes)}${failed}; longest wait ${milliseconds(longestMs)}`
  }

  #draw(): void {
    this.#erase()
    const { names, stateOf } = this.#parts
    const most = Math.max(1, ...this.#shown().flatMap(({ reads }) => reads))
    const lines = names.map((name, server) => {
      const columns = this.#shown().map(({ reads }) => block(reads[server] ?? 0, most))
      return `  ${`${name} ${stateOf(server)}`.padEnd(labelWidth)}${paint(colourOf(server), columns.join(''))}`
    })
    const row = (label: string, of: (slice: Slice) => number): string => {
      const highest = Math.max(1, ...this.#shown().map(of))
      return `  ${label.padEnd(labelWidth)}${this.#shown()
        .map((slice) => block(of(slice), highest))
        .join('')}`
    }
    lines.push(row('writes', ({ writes }) => writes))
    lines.push(row('longest wait', ({ longestMs }) => longestMs))
    const last = this.#slices.at(-1)
    lines.push(`  ${this.#lastAt}  ${last === undefined ? '' : this.#inWords(last)}`)
    for (const line of lines) this.#line(line)
    this.#drawnLines = lines.length
  }

  /** The newest slices that fit into a line of the terminal. */
  #shown(): readonly Slice[] {
    return this.#slices.slice(-Math.max(10, (process.stdout.columns ?? 100) - labelWidth - 4))
  }

  #erase(): void {
    if (this.#drawnLines === 0) return
    moveCursor(process.stdout, 0, -this.#drawnLines)
    clearScreenDown(process.stdout)
    this.#drawnLines = 0
  }

  #now(): string {
    return `${((performance.now() - this.#begun) / 1000).toFixed(1).padStart(4)} s`
  }

  #line(text: string): void {
    process.stdout.write(`${text}\n`)
  }
}

function colourOf(server: number): (typeof serverColours)[number] {
  return serverColours[server % serverColours.length] ?? 'cyan'
}

/** Nothing at all is a dot; the least of something is seen. */
function block(value: number, most: number): string {
  return value === 0 ? '·' : (bars[Math.max(1, Math.round((value / most) * (bars.length - 1)))] ?? '█')
}
