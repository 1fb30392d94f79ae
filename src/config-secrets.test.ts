import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { connect } from './connect.ts'
import type { Config } from './config.ts'
import { addressOfDsn, redactDsn } from './topology/dsn.ts'

const secret = 's3cr3t'
const memory = 'sqlite::memory:'

/** Everything that a log could show of what was thrown. */
async function shown(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    return `${inspect(error, { depth: 10, showHidden: true })} ${JSON.stringify(error)} ${String((error as Error).stack)}`
  }
  return 'nothing was thrown'
}

/** Data source names as they arrive from environments and files: each is wrong in a way of its own. */
const broken = [
  `postgres:bob:${secret}@db.example/shop`,
  `bob:${secret}@db.example/shop`,
  `//bob:${secret}@db.example/shop`,
  `"postgres://bob:${secret}@db.example/shop"`,
  ` postgres://bob:${secret}@db.example/shop`,
  `postgress://bob:${secret}@db.example/shop`,
  `postgres://bob:${secret}@/`,
  `postgres://b%zzob:${secret}@db.example/shop`,
  `postgres://db.example:5432/shop?user=bob&pasword=x&password=@${secret}`,
  `db.example/shop?user=bob&password=${secret}`,
]

describe('a password is in no message about a wrong configuration', () => {
  it.each(broken)('as the whole of it, as a database, and where an alias or anything else belongs: %s', async (dsn) => {
    const wrong: readonly unknown[] = [
      dsn,
      { databases: dsn },
      { databases: { default: dsn } },
      { databases: { default: { primary: dsn } } },
      { databases: { default: { primary: { url: dsn } } } },
      { databases: { default: { primary: memory, pool: dsn } } },
      { databases: { default: { primary: memory, schema: memory, exclusive: dsn } } },
      { databases: { [dsn]: memory } },
      { databases: { default: memory }, tables: dsn },
      { databases: { default: memory }, tables: { review: dsn } },
      { databases: { default: memory }, tables: { review: { database: dsn } } },
      { databases: { default: memory }, databasesShareServer: [[dsn]] },
      { databases: { default: memory }, limits: { queryTimeoutMs: dsn } },
      { databases: { default: memory }, routers: dsn },
    ]
    for (const config of wrong) {
      const text = await shown(() => connect(config as Config))
      expect(text, inspect(config)).not.toContain(secret)
    }
    await using client = await connect(memory)
    expect(await shown(() => client.using(dsn as 'default'))).not.toContain(secret)
    expect(await shown(() => client.query('select 1', [], { using: dsn }))).not.toContain(secret)
  })

  it('is none that a URL takes for a port and a path', () => {
    expect(addressOfDsn('postgres://bob:12/34@db.example/shop')).not.toMatch(/12|34/)
    expect(addressOfDsn('postgres://bob:12?34@db.example/shop')).not.toMatch(/12|34/)
    expect(addressOfDsn('postgres://bob:12#34@db.example/shop')).not.toMatch(/12|34/)
  })

  it('leaves what is none readable', () => {
    expect(redactDsn('postgres://bob@db.example:5432/shop')).toBe('postgres://bob@db.example:5432/shop')
    expect(redactDsn(`postgres://bob:${secret}@db.example:5432/shop`)).toBe('postgres://bob:***@db.example:5432/shop')
    expect(redactDsn('sqlite:./shop.db')).toBe('sqlite:./shop.db')
    expect(redactDsn('archvie')).toBe('archvie')
  })
})

describe('names of options', () => {
  it('are not those that every object has', async () => {
    for (const name of ['constructor', 'toString', 'valueOf'])
      await expect(connect({ databases: { default: memory }, limits: { [name]: 7 } } as Config)).rejects.toMatchObject({
        code: 'SIGNALBOX_CONFIG_INVALID',
        path: `limits.${name}`,
      })
  })
})

describe('a data source name that is no URL', () => {
  it('is refused as configuration, whatever is wrong with its escapes', async () => {
    for (const dsn of ['postgres://b%zzob@db.example/shop', 'mysql://bob@db.example/sh%zzop'])
      await expect(connect(dsn)).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
  })
})
