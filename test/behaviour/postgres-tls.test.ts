import { chown, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'
import { testCertificates } from '../support/certificates.ts'
import { privateServer, testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('TLS on PostgreSQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await privateServer('postgres')
    const { key, cert } = testCertificates().server
    const { uid, gid } = await stat(server.dataDirectory)
    for (const [name, text] of Object.entries({ 'server.key': key, 'server.crt': cert })) {
      const path = join(server.dataDirectory, name)
      await writeFile(path, text, { mode: 0o600 })
      await chown(path, uid, gid)
    }
    await server.restart({ ssl: 'on' })
  })
  afterAll(async () => await server.stop())

  it.each([
    ['no-verify', true],
    ['disable', false],
  ])('is what the data source name says, on every kind of connection (%s)', async (mode, isEncrypted) => {
    const dsn = new URL(server.dsn())
    dsn.searchParams.set('sslmode', mode)
    await using client = await connect(dsn.href)
    const text = 'select ssl, $1::int as n from pg_stat_ssl where pid = pg_backend_pid()'
    const ask = async (n: number): Promise<unknown> => (await client.query(text, [n])).rows[0]
    for (let n = 0; n < 6; n++) expect(await ask(n)).toEqual({ ssl: isEncrypted, n })
    const many = Array.from({ length: 50 }, (_, n) => n)
    // Shared connections are opened once it is known that the text is short, which takes a busy machine longer.
    const shared = async (): Promise<number> => {
      expect(await Promise.all(many.map(ask))).toEqual(many.map((n) => ({ ssl: isEncrypted, n })))
      return Object.values(client.stats())[0]!.shared
    }
    await expect.poll(shared, { interval: 1 }).toBeGreaterThan(0)
    expect(await Promise.all(many.map(ask))).toEqual(many.map((n) => ({ ssl: isEncrypted, n })))
    await client.transaction(async (tx) => {
      expect((await tx.query(text, [1])).rows).toEqual([{ ssl: isEncrypted, n: 1 }])
    })
    const long = 'select n, repeat($1, 1000) as t from generate_series(1, 2000) as n'
    const { rows } = await client.query<{ t: string }>(long, ['x'])
    expect([rows.length, rows.every(({ t }) => t.length === 1_000)]).toEqual([2_000, true])
    let streamed = 0
    for await (const row of client.stream<{ t: string }>(long, ['y'])) streamed += row.t.length
    expect(streamed).toBe(2_000_000)
  })
})
