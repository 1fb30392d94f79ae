import { beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client, type Config } from '../index.ts'
import { checkTables, type Inventory } from './table-check.ts'

const config: Config = {
  databases: {
    default: 'shop',
    shop: 'sqlite:./shop.db',
    reviews: 'sqlite:./reviews.db',
    archive: { primary: 'sqlite:./archive.db', exclusive: true },
  },
  tables: { review: 'reviews', 'archived_*': 'archive' },
}

let client: Client
beforeAll(async () => {
  client = await connect(config)
  return async () => await client.close()
})

function inventory(alias: string, names: readonly string[], options: Partial<Inventory> = {}): Inventory {
  const tables = names.map((name) => {
    const [schema, bare] = name.includes('.') ? name.split('.') : [undefined, name]
    return { name: bare ?? name, isView: false, ...(schema === undefined ? {} : { schema }) }
  })
  return { alias, exclusive: alias === 'archive', dataId: alias, tables, ...options }
}

function check(inventories: readonly Inventory[]): ReturnType<typeof checkTables> {
  return checkTables(inventories, {
    tables: config.tables,
    homeOf: (table) => client.homeOf(table),
    resolve: (alias) => client.topology.aliases.get(alias) ?? alias,
  })
}

const well = [
  inventory('shop', ['public.product']),
  inventory('reviews', ['public.Review']),
  inventory('archive', ['archived_order']),
]

describe('checkTables', () => {
  it('finds nothing where every table is in its home', () => {
    const { tables, findings } = check(well)
    expect(findings).toEqual([])
    expect(tables.map(({ pattern, kind, state, found }) => [pattern, kind, state, found])).toEqual([
      ['review', 'name', 'found', ['public.Review']],
      ['archived_*', 'glob', 'found', ['archived_order']],
    ])
  })

  it.each([
    ['missing everywhere', [inventory('reviews', [])], ['error', 'table-missing', 'reviews', ['review']]],
    ['a glob of nothing', [inventory('archive', [])], ['warning', 'glob-empty', 'archive', ['archived_*']]],
    ['twice', [inventory('shop', ['review'])], ['warning', 'table-also-elsewhere', 'shop', ['review']]],
    [
      'a glob, only elsewhere',
      [inventory('shop', ['archived_x', 'product'])],
      ['error', 'table-only-elsewhere', 'shop', ['archived_x']],
    ],
    ['undeclared', [inventory('reviews', ['review', 'note'])], ['warning', 'table-undeclared', 'reviews', ['note']]],
    [
      'undeclared, also in the default database',
      [inventory('reviews', ['review', 'product'])],
      ['warning', 'table-also-elsewhere', 'reviews', ['product']],
    ],
    [
      'undeclared in an exclusive database',
      [inventory('archive', ['archived_order', 'note', 'other'])],
      ['error', 'table-undeclared-in-exclusive', 'archive', ['note', 'other']],
    ],
  ] as const)('tells of a table that is %s', (_what, changed, expected) => {
    const replaced = well.map((each) => changed.find(({ alias }) => alias === each.alias) ?? each)
    const { findings } = check(replaced)
    expect(findings.map(({ severity, code, database, tables }) => [severity, code, database, tables])).toEqual([
      expected,
    ])
    for (const table of expected[3]) expect(findings[0]?.message).toContain(table)
  })

  it('says once that a declared table is missing, and where it is instead', () => {
    const { findings, tables } = check([inventory('shop', ['review']), inventory('reviews', []), ...well.slice(2)])
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ code: 'table-missing', database: 'reviews' })
    expect(findings[0]?.message).toContain('There is one in "shop"')
    expect(tables[0]).toMatchObject({ state: 'missing', elsewhere: [{ database: 'shop', table: 'review' }] })
  })

  it('knows nothing of a database that could not be asked', () => {
    const { findings, tables } = check([inventory('shop', ['product', 'review']), ...well.slice(2)])
    expect(tables[0]?.state).toBe('unknown')
    expect(findings.map(({ code }) => code)).toEqual(['table-also-elsewhere'])
    expect(findings[0]?.message).toContain('could not be asked')
  })

  it('takes two aliases of the same tables for one place', () => {
    const { findings } = check([
      inventory('shop', ['product', 'review'], { dataId: 'same' }),
      inventory('reviews', ['product', 'review'], { dataId: 'same' }),
      ...well.slice(2),
    ])
    expect(findings).toEqual([])
  })

  it('lets views be where they like, and takes them for what is declared', () => {
    const view = (name: string): Inventory['tables'][number] => ({ name, isView: true })
    const { findings, tables } = check([
      inventory('shop', ['product'], { tables: [view('review')] }),
      inventory('reviews', [], { tables: [view('review'), view('recent')] }),
      inventory('archive', [], { tables: [view('archived_all'), view('summary')] }),
    ])
    expect(findings).toEqual([])
    expect(tables.map(({ state }) => state)).toEqual(['found', 'found'])
  })
})
