import type { Finding, FindingCode } from './check-report.ts'
import { checkConnections } from './connection-check.ts'
import { isReadOnlyByName, probedName, type Probe } from './probe.ts'
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

/** A finding about a shard, or a database of one. */
function about(probe: Probe, severity: Finding['severity'], code: FindingCode, message: string): Finding {
  const { database, shard } = probe
  const where = database.shards.length === 1 ? {} : { shard: shard.name }
  return { severity, code, database: database.alias, ...where, tables: [], message }
}

function reachFindings(probe: Probe): readonly Finding[] {
  const { report, tablesFailure } = probe
  const name = probedName(probe)
  if (report.failure !== null) {
    const { kind, message } = report.failure
    return [about(probe, 'error', 'unreachable', `${name} cannot be reached (${kind}): ${message}`)]
  }
  if (tablesFailure === undefined) return []
  const message = `${name} answers, but its tables could not be read: ${tablesFailure.message}`
  return [about(probe, 'error', 'tables-unreadable', message)]
}

function writableFindings(probe: Probe): readonly Finding[] {
  const { database, shard, report, facts } = probe
  if (facts === undefined || facts.writable) return []
  const name = probedName(probe)
  const { engine } = database
  if (engine === 'sqlite') {
    if (isReadOnlyByName(database, shard)) return []
    const message = `The file of ${name} may not be written by this user. If that is meant, say ?mode=ro.`
    return [about(probe, 'warning', 'read-only-file', message)]
  }
  const why =
    report.role === 'primary'
      ? 'its sessions are read-only by default (default_transaction_read_only)'
      : engine === 'postgres'
        ? 'it is in recovery: a replica'
        : 'it is set to read_only: a replica, or on the way to be one'
  return [about(probe, 'error', 'read-only-primary', `${name} is declared as a primary, but takes no writes: ${why}.`)]
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
