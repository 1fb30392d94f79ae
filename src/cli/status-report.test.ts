import { expect, it } from 'vitest'
import type { ServerView, ShardView } from '../index.ts'
import { statusReport } from './status-report.ts'
import { parseConfig } from '../parse-config.ts'

const databasesOf = () =>
  parseConfig({
    databases: { shop: { primary: 'postgres://u@a/d', discovery: { patroni: 'http://a:8008' } } },
  }).topology.databases.values()

const server = (id: string, more: Partial<ServerView>): ServerView => ({
  id,
  address: id,
  role: 'replica',
  state: 'up',
  writable: false,
  version: '15.18',
  position: undefined,
  lagMs: 0,
  bytesBehind: undefined,
  probeAgeMs: 1,
  out: undefined,
  ...more,
})

it('A second address of a server is no problem, and a source that cannot be asked is one', () => {
  const [first, twin] = [
    server('shop/main/primary', { role: 'primary', writable: true }),
    server('shop/main/a:5432', {
      writable: true,
      out: 'the same server as shop/main/primary',
      sameAs: 'shop/main/primary',
    }),
  ]
  const view = (failed?: string): ShardView => ({
    database: 'shop',
    shard: 'main',
    primary: { kind: 'primary', server: [...databasesOf()][0]!.shards[0]!.primary },
    servers: [first, twin],
    discovery: { source: 'Patroni at http://a:8008', found: 3, failed },
  })
  const moment = { at: new Date(0), first: [], sinceFirstMs: 0 }
  const well = statusReport(databasesOf(), [view()], new Map(), moment)
  expect(well).toMatchObject({ ok: true, problems: [] })
  expect(well.shards[0]!.servers.map(({ sameAs }) => sameAs)).toEqual([null, 'shop/main/primary'])
  expect(well.shards[0]!.discovery).toEqual({ source: 'Patroni at http://a:8008', found: 3, failed: null })
  const failing = statusReport(databasesOf(), [view('refused.')], new Map(), moment)
  expect(failing.ok).toBe(false)
  expect(failing.problems).toEqual([
    {
      code: 'discovery',
      database: 'shop',
      shard: 'main',
      server: null,
      message: '"shop" (shard main): servers were looked for in vain: refused',
    },
  ])
})
