import { byteText } from './byte-text.ts'
import { shortPosition } from './position.ts'
import type { ServerReport, ShardReport, StatusReport } from './status-report.ts'
import { counted, tableText } from './table-text.ts'
import type { Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

const head = [
  'DATABASE',
  'SHARD',
  'SERVER',
  'ROLE',
  'STATE',
  'POSITION',
  'LAG',
  'BEHIND',
  'CONNECTIONS',
  'VERSION',
  'OUT',
]
const widestPosition = 26
/** The reason is cut to the rest of the line, but never shorter; it stands below the table whole. */
const narrowestReason = 12

/** The answer of `status` for people: the servers, one line for each problem, and a last line that sums up. */
export function statusText(report: StatusReport, terminal: Terminal): string {
  const parts = [serverTable(report.shards, terminal)]
  if (report.problems.length > 0) {
    const sign = terminal.style('red', '✗')
    const lines = report.problems.map(({ message, code }) => {
      return `${sign} ${wrap(`${message}. [${code}]`, terminal.columns, '  ').trimStart()}`
    })
    parts.push(lines.join('\n'))
  }
  parts.push(summary(report, terminal))
  return `${parts.join('\n\n')}\n`
}

function serverTable(shards: readonly ShardReport[], terminal: Terminal): string {
  const servers = shards.flatMap((shard) => shard.servers.map((server, index) => ({ shard, server, index })))
  const plain = servers.map(({ shard, server, index }) => plainCells(shard, server, index === 0))
  const widths = head.slice(0, -1).map((title, column) => {
    return Math.max(title.length, ...plain.map((cells) => cells[column]?.length ?? 0))
  })
  const isAnyOut = servers.some(({ server }) => server.out !== null)
  // The last column has no gap behind it.
  const least = isAnyOut ? narrowestReason : -2
  const whole = widths.reduce((sum, width) => sum + width + 2, 0)
  const version = head.indexOf('VERSION')
  // Of all that is shown it changes least.
  const hidden = whole + least > terminal.columns ? version : -1
  const taken = hidden === -1 ? whole : whole - (widths[version] ?? 0) - 2
  const room = Math.max(narrowestReason, terminal.columns - taken)
  const titles = head.filter((title, column) => column !== hidden && (isAnyOut || title !== 'OUT'))
  const rows = servers.map(({ server }, row) => [
    ...(plain[row] ?? []).flatMap((cell, column) =>
      column === hidden ? [] : [coloured(cell, column, server, terminal)],
    ),
    ...(isAnyOut ? [cut(server.out ?? '', room)] : []),
  ])
  const table = tableText(titles, rows, terminal)
  const addresses = servers.map(({ server }) => `  ${terminal.style('dim', `${server.server}: ${server.address}`)}`)
  const sources = shards.flatMap(({ database, discovery }) => {
    if (discovery === null) return []
    const found = discovery.found === null ? 'none yet' : counted(discovery.found, 'server')
    return [`  ${terminal.style('dim', `${database}: ${found} found by ${discovery.source}`)}`]
  })
  const isAnyOther = servers.some(({ server }) => differs(server))
  const note = isAnyOther ? ['  * the configuration declares it as the other one', ''] : []
  return [table, '', ...note, ...addresses, ...sources].join('\n')
}

function plainCells(
  { database, shard, primary }: ShardReport,
  server: ServerReport,
  isFirst: boolean,
): readonly string[] {
  const isPrimary = server.server === primary
  return [
    isFirst ? database : '',
    isFirst ? shard : '',
    server.server.slice(server.server.lastIndexOf('/') + 1),
    `${server.role ?? '?'}${differs(server) ? '*' : ''}`,
    server.state,
    cut(shortPosition(server.position ?? ''), widestPosition),
    isPrimary || server.lagMs === null ? '' : `${server.isLagLonger ? '≥ ' : ''}${duration(server.lagMs)}`,
    isPrimary || server.bytesBehind === null ? '' : byteText(server.bytesBehind),
    server.connections === null ? '' : `${server.connections.open}/${server.connections.max}`,
    server.version ?? '',
  ]
}

function coloured(cell: string, column: number, server: ServerReport, terminal: Terminal): string {
  if (head[column] === 'STATE') return terminal.style(server.out === null ? 'green' : 'red', cell)
  if (head[column] === 'ROLE' && differs(server)) return terminal.style('yellow', cell)
  if (head[column] === 'CONNECTIONS' && isNearlyFull(server)) return terminal.style('yellow', cell)
  return head[column] === 'ROLE' && server.role === 'primary' ? terminal.style('bold', cell) : cell
}

/** Percent of a server's connections, as from where `check` warns. */
const nearlyFull = 80

function isNearlyFull({ connections }: ServerReport): boolean {
  return connections !== null && connections.open * 100 >= connections.max * nearlyFull
}

function differs({ role, declaredRole }: ServerReport): boolean {
  return role !== null && role !== declaredRole
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

const minuteMs = 60_000

function duration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  return ms < minuteMs ? `${(ms / 1_000).toFixed(1)} s` : `${Math.floor(ms / minuteMs)} min`
}

function summary({ ok, shards }: StatusReport, terminal: Terminal): string {
  const servers = shards.flatMap((shard) => shard.servers)
  const usable = servers.filter(({ out, sameAs }) => out === null || sameAs !== null).length
  const led = shards.filter(({ primary }) => primary !== null).length
  const text =
    `${usable} of ${counted(servers.length, 'server')} can be used, ` +
    `${led} of ${counted(shards.length, 'shard')} ${shards.length === 1 ? 'has' : 'have'} a primary.`
  return terminal.style(ok ? 'green' : 'red', text)
}
