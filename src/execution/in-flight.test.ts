import { describe, expect, it } from 'vitest'
import { parseConfig } from '../parse-config.ts'
import { InFlight } from './in-flight.ts'

describe('reads on a server that hangs', () => {
  const [server] = parseConfig('postgres://u@h/d')
    .topology.databases.get('default')!
    .shards.map(({ primary }) => primary)

  it('fail as the server is given up, and what it answers late is closed', async () => {
    const inFlight = new InFlight()
    const [answered, failing] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    const late: string[] = []
    const reads = [answered, failing].map(
      async ({ promise }) => await inFlight.onServer(server!, promise, (answer) => late.push(answer)),
    )
    inFlight.giveUp(server!, 'no answer within 1000 ms')
    for (const { status } of await Promise.allSettled(reads)) expect(status).toBe('rejected')
    answered.resolve('rows')
    failing.reject(new Error('late'))
    await answered.promise
    expect(late).toEqual(['rows'])
  })
})
