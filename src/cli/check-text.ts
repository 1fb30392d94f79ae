import Table from 'cli-table3'
import type { CheckReport, DatabaseReport, Finding, TableReport } from './check-report.ts'
import { listed } from './listed.ts'
import type { Style, Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

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
  const rows = databases.map((database) => [
    database.aliases.length === 0 ? database.alias : `${database.alias} (${database.aliases.join(', ')})`,
    database.reachable ? terminal.style('green', 'ok') : terminal.style('red', database.failure?.kind ?? 'failed'),
    database.product === null ? '' : `${database.product} ${shortVersion(database.version)}`,
    roleText(database),
    database.latencyMs === null ? '' : `${database.latencyMs.toFixed(1)} ms`,
    connectionText(database),
    database.tableCount === null ? '' : String(database.tableCount),
  ])
  const addresses = databases.map(({ alias, address }) => `  ${terminal.style('dim', `${alias}: ${address}`)}`)
  return `${tableText(head, rows, terminal)}\n\n${addresses.join('\n')}`
}

// "15.18 (Debian 15.18-0+deb12u1)" says nothing more to who looks at a table; --json has it whole.
function shortVersion(version: string | null): string {
  return version?.split(/[ (]/, 1)[0] ?? ''
}

function roleText({ role, writable }: DatabaseReport): string {
  if (role === null) return ''
  return role === 'primary' && writable === false ? 'read-only' : role
}

function connectionText({ poolMaxConnections, serverMaxConnections, reachable }: DatabaseReport): string {
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

function tableText(head: readonly string[], rows: readonly (readonly string[])[], terminal: Terminal): string {
  const table = new Table({
    head: head.map((title) => terminal.style('dim', title)),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  table.push(...rows.map((row) => [...row]))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function findingText({ severity, code, message }: Finding, terminal: Terminal): string {
  const sign = severity === 'error' ? terminal.style('red', '✗') : terminal.style('yellow', '!')
  return `${sign} ${wrap(`${message} [${code}]`, terminal.columns, '  ').trimStart()}`
}

function summary({ ok, databases, findings }: CheckReport, terminal: Terminal): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const counts = `${counted(errors, 'problem')}, ${counted(findings.length - errors, 'warning')}`
  const reached = databases.filter(({ reachable }) => reachable).length
  const text = `${reached} of ${counted(databases.length, 'database')} reachable, ${counts}.`
  return terminal.style(ok ? 'green' : 'red', text)
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
