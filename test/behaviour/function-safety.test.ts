import { describe, expect, it } from 'vitest'
import { connect } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('functions on PostgreSQL', () => {
  it('are judged by the server’s own catalogue', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect(database.dsn)
    await client.query('create table log (line text)')
    await client.query(
      "create function noted(text) returns text volatile language sql as 'insert into log values ($1) returning line'",
    )
    await client.query("create function shouted(text) returns text immutable language sql as 'select upper($1)'")
    expect((await client.query("select shouted('a')")).route.effect).toBe('read')
    expect((await client.query("select lower('A'), count(*) from log")).route.effect).toBe('read')
    const noted = await client.query("select noted('a')")
    expect(noted.route.effect).toBe('write')
    expect(noted.route.reasons).toContainEqual(
      expect.objectContaining({ rule: 'volatile-function', text: expect.stringContaining('noted()') }),
    )
    expect(client.explain("select noted('a')").effect).toBe('write')
    expect(
      (await client.query("select nextval('no_such_sequence')").catch((error: unknown) => error)) instanceof Error,
    ).toBe(true)
  })

  it('are looked up again when one appears that is unknown, but not for every statement', async () => {
    const clock = new VirtualClock()
    await using database = await freshDatabase('postgres')
    await using client = await connect({ databases: { default: database.dsn } }, { now: () => clock.now() })
    await client.query("select lower('A')")
    await client.query("create function later_made(integer) returns integer stable language sql as 'select $1'")
    expect((await client.query('select later_made(1)')).route.reasons.map(({ rule }) => rule)).toContain(
      'unknown-function',
    )
    await clock.advance(5_001)
    expect((await client.query('select later_made(1)')).route.effect).toBe('read')
    expect(client.explain('select later_made(2)').effect).toBe('read')
  })

  it('that are declared harmless do not make a write', async () => {
    await using database = await freshDatabase('postgres')
    await using client = await connect({
      databases: { default: database.dsn },
      harmlessFunctions: ['counted', 'audit.seen'],
    })
    await client.query('create schema audit')
    await client.query("create function counted() returns integer volatile language sql as 'select 1'")
    await client.query("create function audit.seen() returns integer volatile language sql as 'select 1'")
    await client.query("create function audit.heard() returns integer volatile language sql as 'select 1'")
    expect((await client.query('select counted(), audit.seen()')).route.effect).toBe('read')
    expect((await client.query('select audit.heard()')).route.effect).toBe('write')
  })
})

describe.each(testedEngines.filter((engine) => engine !== 'postgres'))('functions on %s', (engine) => {
  it('are judged by the list of the engine’s own, and unknown ones make a write', async () => {
    await using database = await freshDatabase(engine)
    await using client = await connect({ databases: { default: database.dsn }, harmlessFunctions: ['quoted'] })
    expect(client.explain("select upper('a'), count(*), coalesce(null, 1)").effect).toBe('read')
    expect(client.explain("select mystery('a')").effect).toBe('write')
    if (engine === 'mysql') expect(client.explain("select shop.upper('a')").effect).toBe('write')
    expect(client.explain("select quoted('a')").effect).toBe('read')
    expect((await client.query<{ a: string }>("select upper('a') as a")).rows[0]?.a).toBe('A')
  })
})
