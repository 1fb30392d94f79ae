import { describe, expect, it } from 'vitest'
import { connect } from './connect.ts'
import { Databases } from './databases.ts'
import { parseConfig } from './parse-config.ts'

describe('databases that are named at a call', () => {
  const handle = { connect: () => null, query: () => null, totalCount: 0 }
  const parsed = parseConfig({ databases: { default: 'sqlite:shop.db', 'postgres handle': 'sqlite:other.db' } })

  it('have aliases of their own, whatever their addresses and the declared aliases are', () => {
    const databases = new Databases(parsed.topology, parsed, 10)
    const targets = [
      'postgres handle',
      handle,
      { ...handle },
      'postgres://bob:one@db.example/shop',
      'postgres://bob:two@db.example/shop',
      'sqlite:x #2',
      'sqlite:x',
      'sqlite:x #2 #2',
    ]
    const found = targets.map((target) => databases.resolve(target))
    expect(new Set(found.map(({ alias }) => alias)).size).toBe(targets.length)
    expect(new Set(found.map(({ shards }) => shards[0]?.primary.id)).size).toBe(targets.length)
    for (const [index, target] of targets.entries()) expect(databases.resolve(target)).toBe(found[index])
    expect(JSON.stringify(found)).not.toMatch(/:one|:two/)
  })

  it('may be given again as they were resolved; what only looks like one may not', () => {
    const databases = new Databases(parsed.topology, parsed, 10)
    const found = databases.resolve('postgres://bob:one@db.example/shop')
    expect(databases.resolve(found)).toBe(found)
    expect(() => databases.resolve({ ...found })).toThrow(/no database/)
  })

  it('have a limit, which a name that cannot be used does not count towards', () => {
    const databases = new Databases(parsed.topology, parsed, 1)
    expect(() => databases.resolve('oracle:x')).toThrow(/cannot be used/)
    databases.resolve('sqlite:one.db')
    databases.resolve('sqlite:one.db')
    expect(() => databases.resolve('sqlite:two.db')).toThrow(/limits.adHocDatabases/)
  })
})

describe('the time limit of a transaction', () => {
  it('holds for the wait for its connection, too', async () => {
    await using client = await connect('sqlite::memory:')
    await using holder = client.begin()
    await holder.query('select 1')
    const controller = new AbortController()
    const late = client.transaction(async (tx) => await tx.query('select 2'), { timeoutMs: 10 })
    await expect(late).rejects.toMatchObject({ code: 'SIGNALBOX_TIMEOUT', timeoutMs: 10, database: 'default' })
    const aborted = client.transaction(async (tx) => await tx.query('select 2'), { signal: controller.signal })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'SIGNALBOX_ABORTED' })
  })
})
