import type { Finding } from './check-report.ts'
import type { Probe, ReplicaProbe } from './probe.ts'

/** What is wrong with the replicas of a database. Pure. */
export function checkReplicas(probe: Probe): readonly Finding[] {
  return probe.replicas.flatMap((replica) => replicaFindings(probe, replica))
}

function replicaFindings(probe: Probe, replica: ReplicaProbe): readonly Finding[] {
  const { alias, engine, shards } = probe.database
  const where = shards.length === 1 ? {} : { shard: probe.shard.name }
  const found = (severity: Finding['severity'], code: Finding['code'], message: string): Finding => ({
    severity,
    code,
    database: alias,
    ...where,
    tables: [],
    message,
  })
  const { server, report, facts, replication } = replica
  if (report.failure !== null) {
    const { kind, message } = report.failure
    return [found('error', 'replica-unreachable', `${server.id} cannot be reached (${kind}): ${message}`)]
  }
  // Every SQLite file takes writes: there the configuration alone says who is what.
  if (facts === undefined || engine === 'sqlite') return []
  const findings: Finding[] = []
  if (facts.role === 'primary') findings.push(found('error', 'replica-takes-writes', writesText(probe, replica)))
  const [own, its] = [probe.replication?.cluster ?? null, replication?.cluster ?? null]
  if (report.sameCluster === false) {
    const message =
      `${server.id} is a copy of another cluster than its primary: ${its}, and the primary is ${own}. ` +
      'It never shows what is written there.'
    findings.push(found('error', 'replica-of-another-cluster', message))
  }
  if (facts.role === 'replica' && report.receiving === false) {
    const message = `${server.id} receives nothing from a primary now, and falls behind. ${receiverHint(engine)}`
    findings.push(found('warning', 'replica-not-receiving', message))
  }
  if (facts.role === 'replica' && replication?.writesBy != null) {
    const message =
      `The account of ${server.id} may write to it although read_only is set, by ${replication.writesBy}. ` +
      'Use one without it, so that nothing can write to a replica by mistake.'
    findings.push(found('warning', 'replica-account-can-write', message))
  }
  return findings
}

function writesText({ database, facts: primary }: Probe, { server, report, facts }: ReplicaProbe): string {
  const why = database.engine === 'postgres' ? 'it is not in recovery' : 'read_only is off'
  const declared = `${server.id} is declared as a replica, but takes writes: ${why}.`
  if (facts?.serverId === primary?.serverId) return `${declared} It is the server of the primary.`
  if (primary?.role !== 'primary') return `${declared} If it has been promoted, declare it as the primary.`
  // A server of another cluster is left out; of any other one the application cannot know which of the two is right.
  return report.sameCluster === false
    ? declared
    : `${declared} So does the primary, and between two such servers the application writes to neither.`
}

function receiverHint(engine: string): string {
  return engine === 'postgres'
    ? 'Look at primary_conninfo and at the log of the server.'
    : 'SHOW REPLICA STATUS on it says why.'
}
