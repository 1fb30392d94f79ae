import { describe, expect, it } from 'vitest'
import { DiscoveryError, QueryError } from '../errors.ts'
import { type AskPrimary, replicaHostsSource } from './replica-hosts.ts'

const limits = { timeoutMs: 1000 }

/** A primary that understands some statements and refuses the others, and keeps what it was asked. */
function primary(understands: string, rows: Awaited<ReturnType<AskPrimary>>): { asked: string[]; ask: AskPrimary } {
  const asked: string[] = []
  const ask: AskPrimary = async (sql) => {
    asked.push(sql)
    if (sql === understands) return rows
    throw new QueryError('syntax', 'You have an error in your SQL syntax', { engineCode: 'ER_PARSE_ERROR' })
  }
  return { asked, ask }
}

const rejection = (ask: AskPrimary) =>
  replicaHostsSource(ask)
    .find(limits)
    .then(
      () => expect.unreachable('It did not reject.'),
      (error: unknown) => error,
    )

describe('replicas that are registered with the primary', () => {
  it('are servers by their host and port; those without a host are left out', async () => {
    const { ask } = primary('SHOW REPLICA HOSTS', [
      { Server_id: 2, Host: 'db2', Port: 3307, Master_id: 1 },
      { Server_id: 3, Host: '', Port: 3306, Master_id: 1 },
      { Server_id: 4, Host: 'db4', Port: 0, Master_id: 1 },
    ])
    expect(await replicaHostsSource(ask).find(limits)).toEqual([
      { host: 'db2', port: 3307 },
      { host: 'db4', port: 3306 },
    ])
  })

  it('are asked for under the name that the server knows, which is remembered', async () => {
    const { asked, ask } = primary('SHOW SLAVE HOSTS', [{ Host: 'db2', Port: 3306 }])
    const source = replicaHostsSource(ask)
    await source.find(limits)
    expect(await source.find(limits)).toEqual([{ host: 'db2', port: 3306 }])
    expect(asked).toEqual(['SHOW REPLICA HOSTS', 'SHOW REPLICAS', 'SHOW SLAVE HOSTS', 'SHOW SLAVE HOSTS'])
  })

  it('may be none', async () => {
    expect(await replicaHostsSource(primary('SHOW REPLICAS', []).ask).find(limits)).toEqual([])
  })

  it('that all say no host are an error that says what to set', async () => {
    const error = await rejection(primary('SHOW REPLICAS', [{ Host: '' }, { Host: '' }]).ask)
    expect(error).toBeInstanceOf(DiscoveryError)
    expect(String(error)).toMatch(/None of the 2 replicas .* set report_host/)
  })

  it('are unknown where no name of the statement is understood', async () => {
    expect(String(await rejection(primary('', []).ask))).toMatch(/did not answer SHOW SLAVE HOSTS: .*syntax/)
  })

  it('are asked for once if the primary cannot be reached', async () => {
    let asked = 0
    const lost = new QueryError('connection-lost', 'The connection broke')
    const error = await rejection(async () => {
      asked++
      throw lost
    })
    expect(asked).toBe(1)
    expect(error).toMatchObject({ code: 'SIGNALBOX_DISCOVERY', cause: lost })
  })

  it('are refused to an account without the privilege, and the error names it', async () => {
    const denied = new QueryError('other', 'Access denied', { engineCode: 'ER_SPECIFIC_ACCESS_DENIED_ERROR' })
    expect(String(await rejection(() => Promise.reject(denied)))).toMatch(/REPLICATION MASTER ADMIN/)
  })
})
