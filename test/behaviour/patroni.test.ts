import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { patroniSource } from '../../src/discovery/patroni.ts'
import type { ServerSource } from '../../src/discovery/source.ts'
import { PackagesMissingError } from '../support/debian-packages.ts'
import { PatroniCluster } from '../support/patroni-cluster.ts'
import type { PatroniMember } from '../support/patroni-member.ts'
import { testedEngines } from '../support/servers.ts'

/** Members come and go within a few seconds; Patroni 4 may take 20 to give up a dead one. */
const patience = { timeout: 40_000, interval: 100 }
const limits = { timeoutMs: 2_000 }

describe.runIf(testedEngines.includes('postgres'))('a Patroni cluster', { timeout: 120_000 }, () => {
  let cluster: PatroniCluster
  let missing: string | undefined

  beforeAll(async () => {
    try {
      cluster = await PatroniCluster.start()
    } catch (error) {
      if (!(error instanceof PackagesMissingError)) throw error
      missing = error.message
      console.log(`Not tested with Patroni: ${missing}`)
    }
  }, 180_000)
  beforeEach(({ skip }) => skip(missing !== undefined, missing))
  afterAll(() => cluster?.stop(), 60_000)

  const addresses = (members: readonly PatroniMember[]) => members.map(({ port }) => `127.0.0.1:${port}`).toSorted()
  const found = async (source: ServerSource) =>
    (await source.find(limits)).map(({ host, port }) => `${host}:${port}`).toSorted()

  it('is a source of its servers', async () => {
    expect(await found(patroniSource(cluster.restUrls))).toEqual(addresses(cluster.members))
    for (const { restUrl } of cluster.members) {
      expect(await found(patroniSource([restUrl]))).toEqual(addresses(cluster.members))
    }
  })

  it('shows a member that is new, with its tags', async () => {
    const source = patroniSource(cluster.restUrls)
    await source.find(limits)
    const added = await cluster.add({ search: true, zone: 'eu', noloadbalance: true, nofailover: true })
    const server = (await source.find(limits)).find(({ port }) => port === added.port)
    expect(server).toEqual({ host: '127.0.0.1', port: added.port, tags: ['search', 'zone=eu'], reads: false })
    expect(await found(source)).toEqual(addresses(cluster.members))
  })

  it('no longer shows a member that died, nor needs it for its answer, and shows it when it is back', async () => {
    const [victim] = await cluster.replicas()
    const others = cluster.members.filter((member) => member !== victim)
    const source = patroniSource([victim!.restUrl, ...others.map(({ restUrl }) => restUrl)])
    await source.find(limits)
    await victim!.kill()
    expect(await found(source)).toEqual(addresses(cluster.members))
    await expect.poll(() => found(source), patience).toEqual(addresses(others))
    await victim!.restart()
    await expect.poll(() => found(source), patience).toEqual(addresses(cluster.members))
  })
})
