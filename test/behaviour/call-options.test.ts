import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connect, onQuery } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

const memory = 'sqlite::memory:'

describe('what TypeScript would refuse is refused at run time too, with path, value and what is allowed', () => {
  it.each<[string, unknown, RegExp]>([
    ['a signal that is none', { signal: {} }, /^options\.signal: an object.*AbortSignal/],
    ['a negative time limit', { timeoutMs: -1 }, /^options\.timeoutMs: -1.*from 0/],
    ['a time limit that is no number', { timeoutMs: '200' }, /^options\.timeoutMs: "200"/],
    ['a time limit of NaN', { timeoutMs: Number.NaN }, /^options\.timeoutMs: NaN/],
    ['a misspelt option', { timeoutMS: 1 }, /^options\.timeoutMS: There is no such option.*timeoutMs/],
    ['a fetch size of 0', { fetchSize: 0 }, /^options\.fetchSize: 0.*from 1/],
    ['an unknown row mode', { rowMode: 'x' }, /^options\.rowMode: "x".*"array"/],
    ['an unknown dialect', { dialect: 'oracle' }, /^options\.dialect: "oracle".*"sqlite"/],
    ['options that are none', 7, /^options: 7/],
  ])('%s', async (_, options, message) => {
    await using client = await connect(memory)
    const wrong = options as { timeoutMs: number }
    await expect(client.query('select 1', [], wrong)).rejects.toThrow(message)
    await expect(client.query('select 1', [], wrong)).rejects.toMatchObject({ code: 'SIGNALBOX_CONFIG_INVALID' })
    await expect(Array.fromAsync(client.stream('select 1', [], wrong))).rejects.toThrow(message)
    await expect(client.transaction(async (tx) => await tx.query('select 1', [], wrong))).rejects.toThrow(message)
    await using connection = client.reserve()
    await expect(connection.query('select 1', [], wrong)).rejects.toThrow(message)
    expect(() => client.explain('select 1', [], wrong)).toThrow(message)
  })

  it('texts, parameters, functions and options of transactions', async () => {
    await using client = await connect(memory)
    const none = undefined as unknown as string
    await expect(client.query(none)).rejects.toThrow(/^sql: undefined/)
    await expect(client.query('select 1', 7 as unknown as [])).rejects.toThrow(/^params: 7/)
    await expect(client.query('select 1', null as unknown as [])).rejects.toThrow(/^params: null/)
    await expect(client.transaction(undefined as unknown as () => Promise<void>)).rejects.toThrow(/^fn: undefined/)
    await expect(client.transaction(async () => await Promise.resolve(), { readonly: true } as object)).rejects.toThrow(
      /^options\.readonly/,
    )
    expect(() => client.begin({ isolation: 'foo' as 'serializable' })).toThrow(
      /^options\.isolation: "foo".*"serializable"/,
    )
    await expect(client.related([], {} as { key: never; table: string })).rejects.toThrow(/related\(\)/)
  })

  it.each(testedEngines)('and costs no connection on %s', async (engine) => {
    await using database = await freshDatabase(engine)
    await using client = await connect({
      databases: { default: database.dsn },
      pool: { maxConnections: 2, acquireTimeoutMs: 500 },
    })
    for (let round = 0; round < 5; round++) {
      await expect(client.query('select 1', [], { signal: {} as AbortSignal })).rejects.toThrow(/options\.signal/)
    }
    expect((await client.query('select 1 as one')).rowCount).toBe(1)
  })
})

describe('explain and query agree', () => {
  it('about transaction control as text', async () => {
    await using client = await connect(memory)
    for (const text of ['begin', 'commit', 'savepoint a']) {
      expect(() => client.explain(text)).toThrow(/Transaction control is not sent as text/)
      await expect(client.query(text)).rejects.toThrow(/Transaction control is not sent as text/)
    }
  })

  it('about texts that were not understood', async () => {
    await using client = await connect(memory)
    expect(client.explain('selec 1').reasons[0]?.text).toContain('not understood')
  })
})

describe('a listener of onQuery that throws', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('becomes a warning, and disturbs no statement', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await using client = await connect(memory)
    const stop = onQuery(() => {
      throw new Error('the disk of the log is full')
    })
    expect((await client.query('select 1 as one')).rowCount).toBe(1)
    stop()
    expect(warned).toHaveBeenCalledWith(expect.stringContaining('the disk of the log is full'), 'SignalboxWarning')
  })
})

it('a pool or handle of one’s own is a whole configuration', async () => {
  const handle = new DatabaseSync(':memory:')
  await using client = await connect(handle)
  expect((await client.query('select 1 as one')).route.database).toBe('default')
})

it.runIf(testedEngines.includes('mysql'))('integers beyond 2^53 are not rounded on MariaDB', async () => {
  await using database = await freshDatabase('mysql')
  await using client = await connect(database.dsn)
  await client.query('create table big (id bigint primary key)')
  await client.query('insert into big (id) values (9007199254740993), (7)')
  const { rows } = await client.query<{ id: string | number }>('select id from big order by id')
  expect(rows.map(({ id }) => id)).toEqual([7, '9007199254740993'])
  const found = await client.related<{ id: string | number }, { id: string | number }>(rows, {
    key: 'id',
    table: 'big',
  })
  expect(found.missing).toEqual([])
})
