import type { Client, Database, ShardView } from '../index.ts'
import { ask, describe } from './probe.ts'
import { serverScope } from './server-scope.ts'

/** Asks the only server of each shard of a database without replicas. Never throws. */
export async function soleServers(
  client: Client,
  database: Database,
  timeoutMs: number,
): Promise<readonly ShardView[]> {
  return await Promise.all(
    database.shards.map(async ({ name, primary }): Promise<ShardView> => {
      const answer = await ask(serverScope(client, database, primary), database, false, timeoutMs)
      const base = {
        id: primary.id,
        address: primary.address,
        position: undefined,
        bytesBehind: undefined,
        probeAgeMs: 0,
      }
      if ('error' in answer) {
        const { kind, message } = describe(answer.error, database, primary)
        const out = `${kind}: ${message}`
        const unknown = {
          role: 'primary',
          state: 'down',
          writable: undefined,
          version: undefined,
          lagMs: undefined,
        } as const
        const why = `${primary.id} cannot be reached`
        return {
          database: database.alias,
          shard: name,
          primary: { kind: 'none', why },
          servers: [{ ...base, ...unknown, out }],
        }
      }
      const { role, product, version } = answer.facts
      const known = { role, state: 'up', writable: role === 'primary', out: undefined } as const
      // What the packager adds (`16.4 (Debian 16.4-1)`) is left out, as by the probes of replicated databases.
      const said = product === 'MariaDB' ? `${version}-${product}` : version.split(' ', 1)[0]
      return {
        database: database.alias,
        shard: name,
        primary:
          role === 'primary'
            ? { kind: 'primary', server: primary }
            : { kind: 'none', why: `${primary.id} is read-only` },
        servers: [{ ...base, ...known, version: said, lagMs: role === 'primary' ? 0 : undefined }],
      }
    }),
  )
}
