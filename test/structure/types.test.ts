import { expect, it } from 'vitest'
import { connect, defineConfig } from '../../src/index.ts'

const databases = { default: 'shop', shop: 'sqlite::memory:', archive: 'sqlite::memory:' } as const

it('a misspelt alias does not compile, and a data source name does', async () => {
  await using client = await connect({ databases, tables: { archived: 'archive' } })
  client.using('archive')
  client.using('sqlite::memory:')
  // @ts-expect-error misspelt
  expect(() => client.using('archvie')).toThrow(/archvie/)
  // @ts-expect-error misspelt
  expect(() => client.begin({ using: 'archvie' })).toThrow(/archvie/)
  // @ts-expect-error misspelt
  expect(() => client.allowMigrate('archvie', 'product')).toThrow(/archvie/)
})

it('nor does a misspelt home of a table', async () => {
  // @ts-expect-error misspelt
  await expect(connect({ databases, tables: { archived: 'archvie' } })).rejects.toThrow(/archvie/)
  // @ts-expect-error misspelt
  await expect(connect({ databases, tables: { archived: { database: 'archvie' } } })).rejects.toThrow(/archvie/)
  // @ts-expect-error misspelt
  expect(defineConfig({ databases, tables: { archived: 'archvie' } })).toBeDefined()
  // @ts-expect-error misspelt
  await expect(connect({ databases, databasesShareServer: [['archvie']] })).rejects.toThrow(/archvie/)
  // @ts-expect-error misspelt
  await expect(connect({ databases, noWritesTo: ['archvie'] })).rejects.toThrow(/archvie/)
})

it('the compiler points at the alias, not at the call', async () => {
  const misspelt = connect({
    databases,
    tables: {
      // @ts-expect-error misspelt
      archived: 'archvie',
    },
  })
  await expect(misspelt).rejects.toThrow(/archvie/)
  const config = defineConfig({
    databases,
    tables: {
      // @ts-expect-error misspelt
      archived: 'archvie',
    },
  })
  expect(config).toBeDefined()
})

it('nor an unknown option', async () => {
  // @ts-expect-error there is no such limit
  await expect(connect({ databases, limits: { queryTimeout: 1 } })).rejects.toThrow(/queryTimeout/)
  // @ts-expect-error there is no such key
  await expect(connect({ databases, table: {} })).rejects.toThrow(/^table/)
})

it('rows are typed as the caller says', async () => {
  await using client = await connect('sqlite::memory:')
  const { rows } = await client.query<{ one: number }>('select 1 as one')
  const one: number | undefined = rows[0]?.one
  // @ts-expect-error there is no such column
  expect(rows[0]?.two).toBeUndefined()
  expect(one).toBe(1)
})

it('the servers of a database are named by texts from anywhere, and a token may be absent', async () => {
  const fromEnvironment: string = 'sqlite::memory:'
  await using client = await connect({
    databases: { default: { primary: fromEnvironment }, other: { primary: { url: fromEnvironment, tags: ['eu'] } } },
  })
  const token: string | undefined = await client.session(async (session) => await session.token())
  const { rows } = await client.query('select 1 as one', [], { atLeast: token })
  expect(rows).toEqual([{ one: 1 }])
  expect(
    defineConfig({ databases: { default: { primary: fromEnvironment, replicas: [fromEnvironment] } } }),
  ).toBeDefined()
})
