import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type bare from 'mysql2'
import barePromise from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import * as mariadb from '../../src/adapters/mariadb.ts'
import { useClient } from '../../src/adapters/mysql2.ts'
import * as promise from '../../src/adapters/mysql2/promise.ts'
import { connect } from '../../src/index.ts'
import { createDatabase, type TestServer } from '../../src/testing/index.ts'
import { testCertificates } from '../support/certificates.ts'
import { freshDatabase, privateServer, testedEngines } from '../support/servers.ts'

type Rows = bare.RowDataPacket[]
type Module = Pick<typeof promise, 'createConnection' | 'createPool'>
type Settings = Omit<promise.PoolOptions, 'signalbox'>

const certificates = testCertificates()
const { ca, client: own } = certificates

describe.runIf(testedEngines.includes('mysql'))('TLS through the façade of mysql2', () => {
  let folder: string
  let server: TestServer
  /** Of accounts that have to be encrypted, and to show a certificate besides. */
  let encrypted: Settings
  let certified: Settings
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-tls-'))
    const stored = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    server = await privateServer('mysql', {
      ssl_ca: await stored('ca.pem', ca),
      ssl_cert: await stored('server.pem', certificates.server.cert),
      ssl_key: await stored('server.key', certificates.server.key),
    })
    const { name, dsn } = await createDatabase(server)
    const admin = await barePromise.createConnection(dsn)
    for (const [user, how] of [
      ['encrypted', 'ssl'],
      ['certified', 'x509'],
    ]) {
      await admin.query(`create user ${user}@'%' identified by 'secret' require ${how}`)
      await admin.query(`grant all on \`${name}\`.* to ${user}@'%'`)
    }
    await admin.query(`create table \`${name}\`.item (id integer primary key)`)
    await admin.end()
    const at = { host: '127.0.0.1', port: server.port, database: name, password: 'secret' }
    encrypted = { ...at, user: 'encrypted' }
    certified = { ...at, user: 'certified' }
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  const cipher = async (by: Pick<promise.Connection, 'query'>): Promise<boolean> => {
    const [rows] = await by.query<Rows>("show session status like 'ssl_cipher'")
    return rows[0]!['Value'] !== ''
  }

  /** Whether a connection and a pool of these settings are encrypted, in a transaction, too; or how they fail. */
  const outcome = async ({ createConnection, createPool }: Module, settings: Settings): Promise<unknown> => {
    const heard = async (work: () => Promise<unknown>): Promise<unknown> =>
      await work().catch(({ message, code, errno }: bare.QueryError) => ({ message, code, errno }))
    const single = await heard(async () => {
      const connection = await createConnection(settings)
      const [found] = [await cipher(connection)]
      await connection.end()
      return found
    })
    const pool = createPool(settings)
    const pooled = await heard(async () => {
      const lent = await pool.getConnection()
      try {
        await lent.beginTransaction()
        await lent.query('insert into item values (1)')
        const found = [await cipher(pool), await cipher(lent)]
        await lent.rollback()
        return found
      } finally {
        lent.release()
      }
    })
    await pool.end()
    return [single, pooled]
  }

  const works = [true, [true, true]]
  it.each<[string, () => Settings, unknown]>([
    ['an authority', () => ({ ...encrypted, ssl: { ca } }), works],
    ['an authority as bytes', () => ({ ...encrypted, ssl: { ca: Buffer.from(ca) } }), works],
    ['several authorities', () => ({ ...encrypted, ssl: { ca: [ca, own.cert] } }), works],
    ['a name to be proved', () => ({ ...encrypted, ssl: { ca, verifyIdentity: true } }), works],
    ['no proof', () => ({ ...encrypted, ssl: { rejectUnauthorized: false } }), works],
    ['a lowest version', () => ({ ...encrypted, ssl: { ca, minVersion: 'TLSv1.2' } }), works],
    ['a certificate of one’s own', () => ({ ...certified, ssl: { ca, key: own.key, cert: own.cert } }), works],
    [
      'a text',
      () => {
        const { user, password, host, port, database } = encrypted
        const ssl = encodeURIComponent(JSON.stringify({ ca }))
        return { uri: `mysql://${user}:${password}@${host}:${port}/${database}?ssl=${ssl}` }
      },
      works,
    ],
    ['no TLS', () => encrypted, undefined],
    ['an authority that does not know the server', () => ({ ...encrypted, ssl: { ca: own.cert } }), undefined],
    ['no authority', () => ({ ...encrypted, ssl: {} }), undefined],
    ['no certificate where one is asked for', () => ({ ...certified, ssl: { ca } }), undefined],
  ])('is as with mysql2 where settings ask for %s', async (_, settings, expected) => {
    const told = await outcome(barePromise, settings())
    if (expected === undefined) expect(told).toMatchObject([{ message: expect.any(String) as string }, {}])
    else expect(told).toEqual(expected)
    expect(await outcome(promise, settings())).toEqual(told)
  })

  /** A data source name of the server, for Signalbox. */
  const nameOf = ({ user, password, host, port, database }: Settings, ssl?: object): string =>
    `mysql://${user}:${password}@${host}:${port}/${database}${ssl === undefined ? '' : `?ssl=${encodeURIComponent(JSON.stringify(ssl))}`}`

  const declare = async (dsn: string): Promise<void> => {
    const client = await connect({ databases: { default: dsn } })
    useClient(client)
    onTestFinished(async () => {
      useClient(undefined)
      await client.close()
    })
  }

  /** What is warned of from now on. */
  const warnings = (): string[] => {
    const heard: string[] = []
    const hear = (warning: Error): void => void (warning.name === 'SignalboxWarning' && heard.push(warning.message))
    process.on('warning', hear)
    onTestFinished(() => void process.off('warning', hear))
    return heard
  }

  const pooled = async (settings: Settings): Promise<boolean> => {
    const pool = promise.createPool(settings)
    try {
      return await cipher(pool)
    } finally {
      await pool.end()
    }
  }

  it('stops a statement over TLS', async () => {
    const pool = promise.createPool({ ...encrypted, ssl: { ca } })
    onTestFinished(async () => await pool.end())
    const [one, other] = [await pool.getConnection(), await pool.getConnection()]
    const sleeping = one.query('select sleep(20) as n').catch((error: unknown) => error)
    const running = "select count(*) as n from information_schema.processlist where info = 'select sleep(20) as n'"
    await expect.poll(async () => Number((await other.query<Rows>(running))[0][0]!['n'])).toBe(1)
    await other.query(`kill query ${one.threadId}`)
    await sleeping
    expect(Number((await other.query<Rows>(running))[0][0]!['n'])).toBe(0)
    expect((await one.query('select 1 as one'))[0]).toEqual([{ one: 1 }])
    one.release()
    other.release()
  })

  it('is that of the settings where they lead to another server than the declared client', async () => {
    const other = await freshDatabase('mysql')
    onTestFinished(async () => await other.drop())
    await declare(other.dsn)
    const heard = warnings()
    expect(await pooled({ ...encrypted, ssl: { ca } })).toBe(true)
    expect(heard).toEqual([])
  })

  it('is that of the data source name where the declared client has the server', async () => {
    await declare(nameOf(encrypted, { ca }))
    const heard = warnings()
    expect(await pooled(encrypted)).toBe(true)
    expect(await pooled({ ...encrypted, ssl: { ca: own.cert } })).toBe(true)
    expect(heard).toEqual([])
  })

  it('is warned of once where the declared client goes there without', async () => {
    const plain = new URL(server.dsn())
    const name = { ...encrypted, user: plain.username, password: plain.password }
    await declare(nameOf(name))
    const heard = warnings()
    const told = new Promise((resolve) => process.once('warning', resolve))
    expect(await pooled(name)).toBe(false)
    expect(heard).toEqual([])
    for (let n = 0; n < 2; n++) expect(await pooled({ ...name, ssl: { ca } })).toBe(false)
    await told
    expect(heard).toEqual([
      expect.stringMatching(/^Settings of connections ask for TLS \(ssl\), .* 127\.0\.0\.1:\d+ goes there without\./),
    ])
  })

  it('is asked for by pools of mariadb, too', async () => {
    const pool = mariadb.createPool({ ...(encrypted as { host: string }), ssl: { ca } })
    const [row] = (await pool.query("show session status like 'ssl_cipher'")) as Rows
    expect(row!['Value']).not.toBe('')
    await pool.end()
  })
})
