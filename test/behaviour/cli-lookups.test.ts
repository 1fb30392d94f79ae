import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/cli/check-report.ts'
import { run } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { startLookupCustomers, type LookupCustomers } from '../support/lookup-customers.ts'
import { testedEngines } from '../support/servers.ts'

const index = new URL('../../src/index.ts', import.meta.url).href

/** What `signalbox check` finds with the configuration of the shop. */
async function check({ databases, config }: LookupCustomers, args: readonly string[] = []): Promise<CheckReport> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'))
  const file = join(folder, 'signalbox.config.mjs')
  const { a, b, c, control } = databases
  const shards = JSON.stringify({ a: a.dsn, b: b.dsn, c: c.dsn })
  await writeFile(
    file,
    `import { hashShards } from ${JSON.stringify(index)}
     const main = { shards: ${shards}, shardMap: hashShards({ key: 'integer' }) }
     export default { databases: { default: main, control: ${JSON.stringify(control.dsn)} }, tables: ${JSON.stringify(config.tables)} }`,
  )
  const out: string[] = []
  const terminal: Terminal = {
    write: async (text) => void out.push(text),
    writeError: async (text) => void out.push(text),
    style: (_style, text) => text,
    columns: 100,
    read: async () => '',
    ask: async () => undefined,
    isInteractive: false,
    interruption: () => new AbortController().signal,
  }
  await run(['check', '--json', '--config', file, ...args], terminal)
  await rm(folder, { recursive: true, force: true })
  return JSON.parse(out.join('')) as CheckReport
}

describe.each(testedEngines)('signalbox check of lookups on %s', (engine) => {
  it('says nothing of those that are well, and of their tables', async () => {
    await using shop = await startLookupCustomers(engine)
    await shop.client.query("insert into customer (id, email) values (1, 'a'), (4, 'b'), (9, 'c')")
    expect(await check(shop, ['--strict'])).toMatchObject({ ok: true, findings: [] })
  })

  it('finds what is wrong with the entries, and lookups that are not filled', async () => {
    await using shop = await startLookupCustomers(engine)
    const { client } = shop
    await client.query("insert into customer (id, email) values (1, 'a'), (4, 'b'), (9, 'c')")
    const control = client.using('control')
    await control.query("delete from signalbox_lookup where value = 'a'")
    const broken = await check(shop)
    expect(broken.ok).toBe(false)
    expect(broken.findings).toMatchObject([
      { severity: 'error', code: 'lookup-wrong', database: 'default', tables: ['customer'] },
    ])
    expect(broken.findings[0]?.message).toContain(
      'Of the 3 rows that were looked at for the lookup customer.email, 1 have no entry, and 0 one that leads elsewhere',
    )
    expect(broken.findings[0]?.message).toContain('Shard keys of the first: ["1"].')
    await client.lookups.backfill({ table: 'customer', column: 'email' })
    expect((await check(shop)).findings).toEqual([])
    await control.query('delete from signalbox_lookup')
    expect((await check(shop)).findings).toMatchObject([{ severity: 'warning', code: 'lookup-not-filled' }])
    await control.query('drop table signalbox_lookup')
    expect((await check(shop)).findings).toMatchObject([{ severity: 'warning', code: 'lookup-unreadable' }])
  })
})
