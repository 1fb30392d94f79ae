import { DiscoveryError, messageOf } from '../errors.ts'
import type { FindLimits, FoundServer, ServerSource } from './source.ts'

/** Runs one statement on the server that is the primary now, and gives its rows. Rejects if there is none, or it does not answer in time. */
export type AskPrimary = (sql: string, limits: FindLimits) => Promise<readonly Readonly<Record<string, unknown>>[]>

/** One statement under its three names: MariaDB from 10.5.1; MySQL from 8.0.22; all older ones. */
const statements = ['SHOW REPLICA HOSTS', 'SHOW REPLICAS', 'SHOW SLAVE HOSTS']

/** What a replica says that does not know its own port. */
const usualPort = 3306

/**
 * The replicas that are registered with a MariaDB or MySQL primary as a source of servers: by `SHOW REPLICA HOSTS`, or the name it has
 * on that server. The primary itself is not among them, and neither are replicas of replicas.
 *
 * A replica is known by its `report_host` and `report_port`. MariaDB from 10.5.1 on takes the address that the primary sees where no
 * `report_host` is set; MySQL and older ones leave it empty, and then the replica is left out. Set it where applications reach a
 * replica by another address. A replica that died stays in the list until the primary has something to send it, seen on 10.11.
 *
 * The account needs the privilege REPLICATION MASTER ADMIN on MariaDB (`GRANT REPLICATION MASTER ADMIN ON *.* TO app`), and
 * REPLICATION SLAVE on MySQL and MariaDB before 10.5.2.
 *
 * `find` rejects with a DiscoveryError if the primary cannot be asked, or has replicas and none says its host.
 */
export function replicaHostsSource(ask: AskPrimary): ServerSource {
  return new ReplicaHosts(ask)
}

class ReplicaHosts implements ServerSource {
  readonly about = 'the replicas that are registered with the primary'
  readonly #ask: AskPrimary
  /** The one that the server understood last. */
  #statement = statements[0]!

  constructor(ask: AskPrimary) {
    this.#ask = ask
  }

  async find(limits: FindLimits): Promise<readonly FoundServer[]> {
    const rows = await this.#rows(limits)
    const servers = rows.flatMap(serverOf)
    if (rows.length === 0 || servers.length > 0) return servers
    throw new DiscoveryError(
      `${rows.length === 1 ? 'The replica that is' : `None of the ${rows.length} replicas that are`} registered with the primary ` +
        `${rows.length === 1 ? 'does not say' : 'says'} its host: set report_host on each replica to a name that this machine can reach.`,
    )
  }

  async #rows(limits: FindLimits): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const tried = [this.#statement, ...statements.filter((statement) => statement !== this.#statement)]
    for (const [index, statement] of tried.entries()) {
      try {
        const rows = await this.#ask(statement, limits)
        this.#statement = statement
        return rows
      } catch (error) {
        if (isUnknownStatement(error) && index < tried.length - 1) continue
        const hint = isDenied(error)
          ? ' Grant it to the application: REPLICATION MASTER ADMIN (MariaDB) or REPLICATION SLAVE (MySQL).'
          : ''
        throw new DiscoveryError(
          `The primary did not answer ${statement}: ${messageOf(error).replace(/\.$/, '')}.${hint}`,
          {
            cause: error,
          },
        )
      }
    }
    return []
  }
}

function serverOf(row: Readonly<Record<string, unknown>>): FoundServer[] {
  const { Host: host, Port: port } = row
  if (typeof host !== 'string' || host === '') return []
  const number = Number(port)
  return [{ host, port: Number.isInteger(number) && number > 0 && number < 65_536 ? number : usualPort }]
}

function isUnknownStatement(error: unknown): boolean {
  return codeOf(error) === 'ER_PARSE_ERROR'
}

function isDenied(error: unknown): boolean {
  return codeOf(error) === 'ER_SPECIFIC_ACCESS_DENIED_ERROR'
}

/** The engine's name of an error: on ours it is `engineCode`, on the driver's own `code`. */
function codeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined
  return 'engineCode' in error ? error.engineCode : 'code' in error ? error.code : undefined
}
