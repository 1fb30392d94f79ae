import type { RoutePreview } from '../index.ts'
import type { FileReport, StatementReport } from './file-report.ts'
import { counted, tableText } from './table-text.ts'
import type { Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

/** The shortest piece of a statement that says which one it is. */
const narrowest = 24

/** The answer of `explain --file` for people: a line for each statement, why some are refused, and how many go where. */
export function fileText(report: FileReport, terminal: Terminal): string {
  const { statements } = report
  const cells = statements.map(({ line, kind, route, error }) => [
    String(line),
    kind,
    route === undefined ? `refused: ${constructOf(error)}` : placeText(route),
  ])
  const head = ['LINE', 'KIND', 'GOES TO', 'STATEMENT']
  const taken = [0, 1, 2].reduce((sum, column) => {
    return sum + Math.max(head[column]?.length ?? 0, ...cells.map((row) => row[column]?.length ?? 0)) + 2
  }, 0)
  const room = Math.max(narrowest, terminal.columns - taken)
  const rows = statements.map((statement, row) => {
    const [line = '', kind = '', place = ''] = cells[row] ?? []
    return [line, kind, coloured(statement, place, terminal), short(statement.sql, room)]
  })
  const parts = rows.length === 0 ? [] : [tableText(head, rows, terminal)]
  const refused = statements.flatMap(({ line, error }) => {
    if (error === undefined) return []
    const text = `line ${line}: ${error.message} [${error.code}]`
    return [`${terminal.style('red', '✗')} ${wrap(text, terminal.columns, '  ').trimStart()}`]
  })
  if (refused.length > 0) parts.push(refused.join('\n'))
  parts.push(summary(report, terminal))
  return `${parts.join('\n\n')}\n`
}

/** Where a statement goes, in a few words. */
export function placeText({ database, destination, shards }: RoutePreview): string {
  switch (destination) {
    case 'one':
      return `${database}/${shards.join(', ')}`
    case 'by-key':
      return `${database}, one shard by key`
    case 'scatter':
      return `${database}, scatter to ${shards.length}`
    case 'every':
      return `${database}, all of ${counted(shards.length, 'shard')}`
  }
}

/** What stands in the way, where that has a name; else the code without what all of them begin with. */
function constructOf(error: StatementReport['error']): string {
  return error?.construct ?? error?.code.replace('SIGNALBOX_', '') ?? ''
}

function coloured({ route }: StatementReport, place: string, terminal: Terminal): string {
  if (route === undefined) return terminal.style('red', place)
  return route.destination === 'scatter' || route.destination === 'every' ? terminal.style('yellow', place) : place
}

function short(sql: string, room: number): string {
  const line = sql.replaceAll(/\s+/g, ' ')
  return line.length > room ? `${line.slice(0, room - 1)}…` : line
}

function summary({ ok, statements, counts }: FileReport, terminal: Terminal): string {
  const text =
    `${counted(statements.length, 'statement')}: ${counts.one} to one shard, ${counts['by-key']} to one by key, ` +
    `${counts.scatter} scattered, ${counts.every} to all shards, ${counts.refused} refused.`
  return terminal.style(ok ? 'green' : 'red', text)
}
