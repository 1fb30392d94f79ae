import type {
  CheckReport,
  DatabaseReport,
  Finding,
  ReplicaReport,
  ShardCheckReport,
  TableReport,
} from './check-report.ts'
import { listed } from './listed.ts'
import { counted, tableText } from './table-text.ts'
import type { Style, Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

/** The answer of `check` for people: the databases, the declared tables, what was found, and a last line that sums up. */
export function checkText(report: CheckReport, terminal: Terminal): string {
  const parts = [databaseTable(report.databases, terminal)]
  if (report.tables.length > 0) parts.push(declarationTable(report.tables, terminal))
  if (report.findings.length > 0) {
    parts.push(report.findings.map((finding) => findingText(finding, terminal)).join('\n'))
  }
  parts.push(summary(report, terminal))
  return `${parts.join('\n\n')}\n`
}

function databaseTable(databases: readonly DatabaseReport[], terminal: Terminal): string {
  const head = ['DATABASE', 'STATE', 'SERVER', 'ROLE', 'LATENCY', 'CONNECTIONS', 'TABLES']
  const rows = databases.flatMap((database) => [
    [
      database.aliases.length === 0 ? database.alias : `${database.alias} (${database.aliases.join(', ')})`,
      ...(database.shards === undefined
        ? serverCells(database, terminal)
        : [`${database.shards.length} shards`, '', '', '', '']),
      database.tableCount === null ? '' : String(database.tableCount),
    ],
    ...(database.shards?.flatMap((shard) => shardRows(shard, terminal)) ?? replicaRows(database, '  ', terminal)),
  ])
  const addresses = databases.flatMap((database) =>
    database.shards === undefined
      ? [`${database.alias}: ${database.address}${shadowNote(database)}`, ...replicaAddresses(database, '  ')]
      : [
          database.alias,
          ...database.shards.flatMap((shard) => [
            `  ${shard.shard}: ${shard.address}`,
            ...replicaAddresses(shard, '    '),
          ]),
        ],
  )
  const lines = addresses.map((line) => `  ${terminal.style('dim', line)}`)
  return `${tableText(head, rows, terminal)}\n\n${lines.join('\n')}`
}

function shadowNote({ shadowOf }: DatabaseReport): string {
  return shadowOf === undefined ? '' : ` (a shadow: not looked at, but at "${shadowOf}", which it shows)`
}

type Replicated = Pick<DatabaseReport, 'replicas'>

function shardRows(shard: ShardCheckReport, terminal: Terminal): readonly (readonly string[])[] {
  const tableCount = shard.tableCount === null ? '' : String(shard.tableCount)
  return [[`  ${shard.shard}`, ...serverCells(shard, terminal), tableCount], ...replicaRows(shard, '    ', terminal)]
}

function replicaRows({ replicas }: Replicated, indent: string, terminal: Terminal): readonly (readonly string[])[] {
  return replicas.map((replica) => [`${indent}${nameOf(replica)}`, ...serverCells(replica, terminal), ''])
}

function replicaAddresses({ replicas }: Replicated, indent: string): readonly string[] {
  return replicas.map((replica) => `${indent}${nameOf(replica)}: ${replica.address}`)
}

type AnyServer = ShardCheckReport | DatabaseReport | ReplicaReport

function serverCells(server: AnyServer, terminal: Terminal): readonly string[] {
  return [
    server.reachable ? terminal.style('green', 'ok') : terminal.style('red', server.failure?.kind ?? 'failed'),
    server.product === null ? '' : `${server.product} ${shortVersion(server.version)}`,
    roleText(server),
    server.latencyMs === null ? '' : `${server.latencyMs.toFixed(1)} ms`,
    connectionText(server),
  ]
}

/** `replica-1` of `shop/main/replica-1`: it stands below its database. */
function nameOf({ server }: ReplicaReport): string {
  return server.slice(server.lastIndexOf('/') + 1)
}

// "15.18 (Debian 15.18-0+deb12u1)" says nothing more to who looks at a table; --json has it whole.
function shortVersion(version: string | null): string {
  return version?.split(/[ (]/, 1)[0] ?? ''
}

function roleText({ role, writable }: AnyServer): string {
  if (role === null) return ''
  return role === 'primary' && writable === false ? 'read-only' : role
}

function connectionText({ poolMaxConnections, serverMaxConnections, reachable }: AnyServer): string {
  if (!reachable || serverMaxConnections === null) return ''
  return `${poolMaxConnections ?? 'own pool'} of ${serverMaxConnections}`
}

const stateStyles: Readonly<Record<TableReport['state'], Style>> = {
  found: 'green',
  missing: 'red',
  empty: 'yellow',
  unknown: 'yellow',
}

function declarationTable(tables: readonly TableReport[], terminal: Terminal): string {
  const rows = tables.map(({ pattern, database, kind, state, found, elsewhere }) => [
    pattern,
    database,
    terminal.style(stateStyles[state], kind === 'glob' && state === 'found' ? `${found.length} found` : state),
    listed([...new Set(elsewhere.map((place) => place.database))]),
  ])
  const hasStrays = tables.some(({ elsewhere }) => elsewhere.length > 0)
  const head = ['TABLE', 'HOME', 'STATE', ...(hasStrays ? ['ALSO IN'] : [])]
  return tableText(
    head,
    rows.map((row) => row.slice(0, head.length)),
    terminal,
  )
}

function findingText({ severity, code, message }: Finding, terminal: Terminal): string {
  const sign = severity === 'error' ? terminal.style('red', '✗') : terminal.style('yellow', '!')
  return `${sign} ${wrap(`${message} [${code}]`, terminal.columns, '  ').trimStart()}`
}

function summary({ ok, databases, findings }: CheckReport, terminal: Terminal): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const counts = `${counted(errors, 'problem')}, ${counted(findings.length - errors, 'warning')}`
  const reached = databases.filter(({ reachable }) => reachable).length
  const shards = databases.flatMap((database) => database.shards ?? [])
  const answering = shards.filter(({ reachable }) => reachable).length
  const parts = shards.length === 0 ? '' : ` ${answering} of ${counted(shards.length, 'shard')},`
  const replicas = databases.flatMap((database) => database.replicas)
  const alive = replicas.filter(({ reachable }) => reachable).length
  const copies = replicas.length === 0 ? '' : ` ${alive} of ${counted(replicas.length, 'replica')},`
  const text = `${reached} of ${counted(databases.length, 'database')} reachable,${parts}${copies} ${counts}.`
  return terminal.style(ok ? 'green' : 'red', text)
}
