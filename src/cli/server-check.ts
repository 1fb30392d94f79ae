import type { Finding } from './check-report.ts'
import { checkConnections } from './connection-check.ts'
import { isReadOnlyByName, type Probe } from './probe.ts'
import { checkReplicas } from './replica-check.ts'

/** What is wrong with the servers, apart from tables. Pure. */
export function checkServers(
  probes: readonly Probe[],
  sharedServers: readonly (readonly string[])[],
  processes: number,
): readonly Finding[] {
  return [
    ...probes.flatMap((probe) => [...reachFindings(probe), ...writableFindings(probe), ...checkReplicas(probe)]),
    ...checkConnections(probes, processes),
    ...sharedServers.flatMap((group) => sharedServerFindings(group, probes)),
  ]
}

function reachFindings({ database: { alias }, report, tablesFailure }: Probe): readonly Finding[] {
  if (report.failure !== null) {
    const { kind, message } = report.failure
    const text = `"${alias}" cannot be reached (${kind}): ${message}`
    return [{ severity: 'error', code: 'unreachable', database: alias, tables: [], message: text }]
  }
  if (tablesFailure === undefined) return []
  const message = `"${alias}" answers, but its tables could not be read: ${tablesFailure.message}`
  return [{ severity: 'error', code: 'tables-unreadable', database: alias, tables: [], message }]
}

function writableFindings({ database, report, facts }: Probe): readonly Finding[] {
  if (facts === undefined || facts.writable) return []
  const { alias, engine } = database
  if (engine === 'sqlite') {
    if (isReadOnlyByName(database)) return []
    const message = `The file of "${alias}" may not be written by this user. If that is meant, say ?mode=ro.`
    return [{ severity: 'warning', code: 'read-only-file', database: alias, tables: [], message }]
  }
  const why =
    report.role === 'primary'
      ? 'its sessions are read-only by default (default_transaction_read_only)'
      : engine === 'postgres'
        ? 'it is in recovery: a replica'
        : 'it is set to read_only: a replica, or on the way to be one'
  const message = `"${alias}" is declared as a primary, but takes no writes: ${why}.`
  return [{ severity: 'error', code: 'read-only-primary', database: alias, tables: [], message }]
}

function sharedServerFindings(group: readonly string[], probes: readonly Probe[]): readonly Finding[] {
  const [first, ...others] = probes.filter(
    ({ database, facts }) => facts !== undefined && group.includes(database.alias),
  )
  if (first === undefined) return []
  return others
    .filter(({ facts }) => facts?.serverId !== first.facts?.serverId)
    .map(({ database: { alias } }) => ({
      severity: 'error',
      code: 'not-one-server',
      database: alias,
      tables: [],
      message: `databasesShareServer says that "${first.database.alias}" and "${alias}" are on one server; they are on two. Joins between them would fail.`,
    }))
}
