import type { Finding } from './check-report.ts'
import { probedName, type Probe } from './probe.ts'

/** Percent of a server's connections from which on there is a warning. */
const warnAbove = 80

interface Load {
  readonly database: string
  /** For people. */
  readonly name: string
  readonly serverId: string
  readonly available: number | null
  readonly perProcess: number | null
}

/**
 * So many processes must not be able to take more connections than a server has: of all its databases together, whatever
 * role it has in them. Pure.
 */
export function checkConnections(probes: readonly Probe[], processes: number): readonly Finding[] {
  const loads = probes.flatMap(loadsOf)
  return [...Map.groupBy(loads, ({ serverId }) => serverId).values()].flatMap((group): Finding[] => {
    const [first] = group
    const available = first?.available ?? null
    const perProcess = group.reduce((sum, load) => sum + (load.perProcess ?? 0), 0)
    const wanted = perProcess * processes
    if (first === undefined || available === null || wanted * 100 <= available * warnAbove) return []
    const names = group.map(({ name }) => name).join(', ')
    const who = processes === 1 ? 'one process' : `${processes} processes`
    const each = processes === 1 ? '' : ` (${perProcess} each)`
    const facts = `The server of ${names} takes ${available} connections, and ${who} of the application may open ${wanted}${each}`
    const isOver = wanted > available
    const message = isOver
      ? `${facts}. Lower pool.maxConnections, or raise max_connections on the server.`
      : `${facts}: more than ${warnAbove} %. Little is left for others and for administration.`
    return [
      {
        severity: isOver ? 'error' : 'warning',
        code: isOver ? 'too-few-connections' : 'few-connections-left',
        database: first.database,
        tables: [],
        message,
      },
    ]
  })
}

function loadsOf(probe: Probe): readonly Load[] {
  const { database, facts, report, replicas } = probe
  const { alias } = database
  const servers = [
    { name: probedName(probe), facts, report },
    ...replicas.map((replica) => ({ name: replica.server.id, facts: replica.facts, report: replica.report })),
  ]
  return servers.flatMap(({ name, facts: known, report: { poolMaxConnections } }): Load[] =>
    known === undefined
      ? []
      : [
          {
            database: alias,
            name,
            serverId: known.serverId,
            available: known.maxConnections,
            perProcess: poolMaxConnections,
          },
        ],
  )
}
