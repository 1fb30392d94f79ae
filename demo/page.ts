import { styleText } from 'node:util'
import { formatRoute, type Params, type QueryEvent } from 'signalbox'
import Table from 'cli-table3'

export type Cell = string | number

const longestCell = 46
const lineWidth = 100
const longestSql = 400

type Style = Parameters<typeof styleText>[0]

/** What the demo prints. Colours only where the output is a terminal that wants them (`NO_COLOR`, `FORCE_COLOR`). */
export class Page {
  section(title: string): void {
    const width = Math.min(process.stdout.columns ?? lineWidth, lineWidth)
    this.line(`\n${paint(['bold', 'cyan'], `── ${title} ${'─'.repeat(Math.max(0, width - title.length - 4))}`)}`)
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  quiet(text: string): void {
    this.line(paint('dim', text))
  }

  /** A fact that was checked. */
  check(holds: boolean, text: string): void {
    this.line(`${holds ? paint('green', '✓') : paint(['bold', 'red'], '✗')} ${text}`)
  }

  /** Statements: their text, where they ran and why, how many rows and how long. Those that look the same are shown once. */
  statements(events: readonly QueryEvent[]): void {
    for (const group of Map.groupBy(events, ({ sql }) => shortSql(sql)).values()) this.#statement(group)
  }

  #statement(events: readonly QueryEvent[]): void {
    const [first] = events
    if (first === undefined) return
    this.line(paint('yellow', indent(shortSql(first.sql), 2)))
    const params = shortParams(first.params)
    if (params !== '') this.quiet(indent(params, 4))
    const [target = '', ...reasons] = formatRoute(first.route).split('\n')
    this.line(`  ${target}`)
    this.quiet(reasons.map((reason) => `  ${reason}`).join('\n'))
    const rows = events.reduce((sum, { rowCount = 0 }) => sum + rowCount, 0)
    const duration = events.reduce((sum, { durationMs = 0 }) => sum + durationMs, 0)
    const times =
      events.length === 1 ? '' : `, in ${events.length} statements with as many keys each as the limits allow`
    this.line(`    ${count(rows)} row${rows === 1 ? '' : 's'} in ${milliseconds(duration)}${times}`)
  }

  table(columns: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const table = new Table({
      head: columns.map((column) => paint('bold', column)),
      style: { head: [], border: [], compact: true },
      colAligns: columns.map((_, index) => (typeof rows[0]?.[index] === 'number' ? 'right' : 'left')),
    })
    for (const row of rows) table.push(row.map((cell) => (typeof cell === 'number' ? count(cell) : clip(cell))))
    this.line(table.toString())
  }
}

export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

export function milliseconds(duration: number): string {
  return duration < 10 ? `${duration.toFixed(2)} ms` : `${Math.round(duration)} ms`
}

export function count(value: number): string {
  return value.toLocaleString('en-US')
}

function clip(text: string): string {
  return text.length <= longestCell ? text : `${text.slice(0, longestCell - 1)}…`
}

/** A statement without the indentation that it has in the source, and without the middle of a long list of parameters. */
function shortSql(sql: string): string {
  const lines = sql.split('\n').map((line) => line.trim())
  const text = lines.join('\n').replace(/\((\?|\$1)((?:, (?:\?|\$\d+)){3,}), ((?:\?|\$\d+))\)/g, '($1, … $3)')
  return text.length <= longestSql ? text : `${text.slice(0, longestSql)} …`
}

function shortParams(params: Params): string {
  const given = Object.values(params)
  // PostgreSQL gets a list of keys as one array.
  const values = given.length === 1 && Array.isArray(given[0]) ? (given[0] as readonly unknown[]) : given
  if (values.length === 0) return ''
  const shown = values.slice(0, 4).map((value) => clip(JSON.stringify(value) ?? String(value)))
  const more = values.length > shown.length ? ` and ${count(values.length - shown.length)} more` : ''
  return `with ${shown.join(', ')}${more}`
}

/** Breaks a long line between words. */
export function wrap(text: string, width = lineWidth): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

export function indent(text: string, width: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(width))
}
