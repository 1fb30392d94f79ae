import { describe, expect, it } from 'vitest'
import type { Config } from '../config.ts'
import { Databases } from '../databases.ts'
import { SignalboxError } from '../errors.ts'
import { parseConfig } from '../parse-config.ts'
import type { Analysis, ColumnValues } from '../statement/analysis.ts'
import type { Dialect, Params } from '../statement/statement.ts'
import { formatRoute } from './format-route.ts'
import { routeStatement, type RouteInput, type RoutedStatement } from './route-statement.ts'
import type { Router } from './router.ts'

const databases = {
  default: 'shop',
  shop: 'postgres://u@h/shop',
  reviews: { primary: 'mysql://u@h/reviews', exclusive: true },
  stock: 'mysql://u@h/stock',
  archive: 'sqlite:archive.db',
} as const
const tables = { review: 'reviews', 'archived_*': 'archive', level: 'stock' } as const

type Sketch = Partial<Omit<Analysis, 'tables'>> & {
  readonly read?: readonly string[]
  readonly write?: readonly string[]
}

function analysisOf(dialect: Dialect, { read = [], write = [], ...rest }: Sketch): Analysis {
  const use = (access: 'read' | 'write') => (name: string) => {
    const [table = '', schema] = name.split('.').toReversed()
    return { name: table, access, spans: [], ...(schema === undefined ? {} : { schema }) }
  }
  return {
    dialect,
    kind: write.length > 0 ? 'write' : 'read',
    why: 'a sketch',
    tables: [...write.map(use('write')), ...read.map(use('read'))],
    functions: [],
    values: [],
    appearances: [],
    statements: 1,
    complete: true,
    leavesState: false,
    ...rest,
  }
}

function isPerDialect(sketch: Sketch | Partial<Record<Dialect, Sketch>>): sketch is Partial<Record<Dialect, Sketch>> {
  return 'postgres' in sketch || 'mysql' in sketch || 'sqlite' in sketch
}

/** Routes a statement of which only the analysis counts; per dialect where the readings differ. */
function route(
  sketch: Sketch | Partial<Record<Dialect, Sketch>>,
  options: { config?: Partial<Config>; params?: Params; sql?: string } & Pick<
    RouteInput,
    'using' | 'hints' | 'dialect'
  > = {},
): RoutedStatement {
  const config = parseConfig({ databases, tables, ...options.config })
  const known = new Databases(config.topology, config, 10)
  const sketchIn = (dialect: Dialect): Sketch => {
    if (isPerDialect(sketch)) return sketch[dialect] ?? { kind: 'unknown', complete: false }
    return sketch
  }
  return routeStatement({
    statement: { sql: options.sql ?? 'sketch', params: options.params ?? [] },
    analysisIn: (dialect) => analysisOf(dialect, sketchIn(dialect)),
    topology: config.topology,
    tables: config.tables,
    routers: config.routers,
    safetyOf: (_, fn) =>
      fn.name.startsWith('safe_') ? 'safe' : fn.name.startsWith('volatile_') ? 'volatile' : 'unknown',
    resolve: (target) => known.resolve(target),
    using: options.using,
    hints: options.hints,
    dialect: options.dialect,
  })
}

function refusal(run: () => unknown): SignalboxError {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(SignalboxError)
    return error as SignalboxError
  }
  throw new Error('Nothing was refused.')
}

const rulesOf = ({ route: { reasons } }: RoutedStatement): readonly string[] => reasons.map(({ rule }) => rule)

describe('the database of a statement', () => {
  it('is the declared home of its table', () => {
    const routed = route({ read: ['review'] })
    expect(routed.route).toMatchObject({ database: 'reviews', shards: ['main'], role: 'primary', effect: 'read' })
    expect(rulesOf(routed)).toEqual(['home', 'read', 'primary'])
  })

  it('is the home that a glob gives', () => {
    const routed = route({ read: ['archived_order'] })
    expect(routed.route.database).toBe('archive')
    expect(routed.route.reasons[0]?.text).toContain('"archived_*"')
  })

  it('is the default for undeclared tables and for none', () => {
    expect(rulesOf(route({ read: ['product'] }))[0]).toBe('default')
    expect(route({ read: ['product'] }).route.database).toBe('shop')
    expect(route({}).route).toMatchObject({ database: 'shop', effect: 'read' })
  })

  it('is the only one where only one is declared', () => {
    expect(route({ read: ['x'] }, { config: { databases: { a: 'sqlite:a.db' }, tables: {} } }).route.database).toBe('a')
  })

  it('is none, with a message, where there is no default', () => {
    const config = { databases: { a: 'sqlite:a.db', b: 'sqlite:b.db' }, tables: {} }
    const error = refusal(() => route({ read: ['x'] }, { config }))
    expect(error.code).toBe('SIGNALBOX_NO_ROUTE')
    expect(error.message).toMatch(/table x.*no default.*Declared: a, b/)
    expect(refusal(() => route({}, { config })).message).toMatch(/names no table/)
  })

  it('ignores system tables, which every database has', () => {
    expect(route({ read: ['review', 'information_schema.columns'] }).route.database).toBe('reviews')
    expect(route({ read: ['pg_catalog.pg_class'] }).route.database).toBe('shop')
  })

  it('follows a declared view to its tables', () => {
    const config = { views: { best_rated: ['review'] } }
    expect(route({ read: ['best_rated'] }, { config }).route.database).toBe('reviews')
  })

  it('is what using says, whatever is declared', () => {
    const routed = route(
      { read: ['archived_order'] },
      { using: 'default', config: { routers: [{ route: () => 'stock' }] } },
    )
    expect(routed.route.database).toBe('shop')
    expect(rulesOf(routed)[0]).toBe('using')
  })

  it('may be named by a data source name or a handle', () => {
    expect(route({ read: ['x'] }, { using: 'sqlite:x.db' }).database.engine).toBe('sqlite')
    const handle = { prepare: () => null, exec: () => null, applyChangeset: () => true }
    expect(route({ read: ['x'] }, { using: handle }).database.engine).toBe('sqlite')
    expect(refusal(() => route({}, { using: 7 })).code).toBe('SIGNALBOX_UNSUPPORTED')
    expect(refusal(() => route({}, { using: 'archvie' })).message).toContain('Did you mean "archive"')
  })
})

describe('the dialect of a text', () => {
  it('is that of the database it leads to', () => {
    const routed = route({ postgres: { read: ['review'] }, mysql: { read: ['review'], why: 'read as MySQL' } })
    expect(routed.analysis).toMatchObject({ dialect: 'mysql', why: 'read as MySQL' })
  })

  it('is found for a text that the default database’s dialect does not understand', () => {
    expect(route({ mysql: { read: ['review'] } }).route.database).toBe('reviews')
    expect(route({ sqlite: { write: ['archived_x'] } }).route.database).toBe('archive')
  })

  it('falls back to the default database for a text that nobody understands', () => {
    const routed = route({ mysql: { kind: 'unknown', complete: false } })
    expect(routed.route).toMatchObject({ database: 'shop', effect: 'session' })
    expect(rulesOf(routed)).toContain('not-understood')
  })

  it('stays as the caller says', () => {
    const routed = route({ postgres: { read: ['review'], why: 'read as PostgreSQL' } }, { dialect: 'postgres' })
    expect(routed.analysis.why).toBe('read as PostgreSQL')
    expect(routed.route.database).toBe('reviews')
  })
})

describe('routers', () => {
  const named = (name: string, more: Partial<Router>): Router => ({ name, ...more })

  it('are asked in order, and the first answer wins', () => {
    const asked: string[] = []
    const routers: Router[] = [
      named('one', { route: () => (asked.push('one'), undefined) }),
      named('two', { route: () => (asked.push('two'), 'archive') }),
      named('three', { route: () => (asked.push('three'), 'stock') }),
    ]
    const routed = route({ read: ['review'] }, { config: { routers }, dialect: 'postgres' })
    expect(asked).toEqual(['one', 'two'])
    expect(routed.route.database).toBe('archive')
    expect(routed.route.reasons[0]).toEqual({ rule: 'router', text: 'router "two" answered "archive"' })
  })

  it('without an opinion leave the declared home', () => {
    const routers: Router[] = [{ route: () => null }, { allowMigrate: () => undefined }]
    expect(route({ read: ['review'] }, { config: { routers } }).route.database).toBe('reviews')
  })

  it('see kind, tables, and the values of columns with parameters filled in', () => {
    const values: ColumnValues[] = [
      {
        table: 'review',
        column: 'product_id',
        operator: 'in',
        values: [
          { from: 'parameter', index: 1 },
          { from: 'constant', value: 9 },
        ],
      },
      { column: 'author', operator: 'equals', values: [{ from: 'array-parameter', index: 0 }] },
      { column: 'text', operator: 'insert', values: [{ from: 'expression' }] },
      { column: 'late', operator: 'equals', values: [{ from: 'parameter', index: 5 }] },
    ]
    const seen: unknown[] = []
    const routers: Router[] = [
      {
        route(statement, hints) {
          seen.push(
            statement.kind,
            statement.tables.map(({ name }) => name),
            hints,
          )
          for (const column of ['product_id', 'author', 'text', 'late', 'nothing'])
            seen.push(statement.valuesOf(column))
          seen.push(statement.valuesOf('PRODUCT_ID', 'other'))
          return undefined
        },
      },
    ]
    route(
      { read: ['review'], values },
      { config: { routers }, params: [['a', 'b'], 7], hints: { tenant: 1 }, dialect: 'mysql' },
    )
    expect(seen).toEqual([
      'read',
      ['review'],
      { tenant: 1 },
      [7, 9],
      ['a', 'b'],
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('may name their database by data source name, handle, or with details', () => {
    const answer = (value: unknown) => route({}, { config: { routers: [{ route: () => value as string }] } })
    expect(answer('sqlite:other.db').database.engine).toBe('sqlite')
    expect(answer({ database: 'archive', shard: 'main', role: 'primary' }).route.database).toBe('archive')
    expect(answer({ database: 'archive', role: 'replica' }).route.role).toBe('primary')
    expect(rulesOf(answer({ database: 'archive', role: 'replica' }))).toContain('no-replica')
  })

  it.each([
    [7, 'SIGNALBOX_ROUTER_ANSWER'],
    [{ database: 7 }, 'SIGNALBOX_ROUTER_ANSWER'],
    [{ database: 'archive', shard: 'x' }, 'SIGNALBOX_ROUTER_ANSWER'],
    ['archvie', 'SIGNALBOX_ROUTER_ANSWER'],
    [{}, 'SIGNALBOX_ROUTER_ANSWER'],
  ])('that answer %j are refused', (answer, code) => {
    expect(refusal(() => route({}, { config: { routers: [{ route: () => answer as string }] } })).code).toBe(code)
  })

  it('let an error of their own reach the caller', () => {
    const broken = new TypeError('tenant is undefined')
    const routers: Router[] = [
      {
        route() {
          throw broken
        },
      },
    ]
    expect(() => route({ read: ['review'] }, { config: { routers } })).toThrow(broken)
  })
})

describe('tables of different databases in one statement', () => {
  it('are refused, naming each table and its database, and the way out', () => {
    const error = refusal(() => route({ read: ['product', 'review'] }))
    expect(error).toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
      tables: [
        { table: 'product', database: 'shop' },
        { table: 'review', database: 'reviews' },
      ],
    })
    expect(error.message).toMatch(
      /product lives in "shop" \(no home declared\), review lives in "reviews".*related.*databasesShareServer.*Nothing was sent/,
    )
  })

  it('are refused too when one is written', () => {
    expect(refusal(() => route({ write: ['product'], read: ['archived_product'] })).code).toBe(
      'SIGNALBOX_CROSS_DATABASE_QUERY',
    )
  })

  it('may run where a router opens the pair', () => {
    const open: Router = { allowRelation: (a, b) => a.name === 'product' && b.name === 'archived_product' }
    const routed = route(
      { read: ['product', 'archived_product'] },
      { config: { routers: [open] }, dialect: 'postgres' },
    )
    expect(routed.route.database).toBe('shop')
    expect(rulesOf(routed)[0]).toBe('relation-allowed')
    expect(
      refusal(() =>
        route({ read: ['product', 'archived_product', 'level'] }, { config: { routers: [open] }, dialect: 'postgres' }),
      ).code,
    ).toBe('SIGNALBOX_CROSS_DATABASE_QUERY')
  })

  it('the first router with an opinion about a pair decides', () => {
    const routers: Router[] = [
      { allowRelation: () => undefined },
      { allowRelation: () => false },
      { allowRelation: () => true },
    ]
    expect(() =>
      route({ read: ['product', 'archived_product'] }, { config: { routers }, dialect: 'postgres' }),
    ).toThrow(/different databases/)
  })

  it('are qualified where their databases are schemas of one MySQL server', () => {
    const sql = 'select * from `review` r join level l on l.id = r.id'
    const spans = (text: string) => [{ start: sql.indexOf(text), end: sql.indexOf(text) + text.length }]
    const uses: Analysis['tables'] = [
      { name: 'review', access: 'read', spans: spans('`review`') },
      { name: 'level', access: 'read', spans: spans('level') },
    ]
    const config = parseConfig({
      databases: { ...databases, reviews: databases.reviews.primary },
      tables,
      databasesShareServer: [['reviews', 'stock']],
    })
    const routed = routeStatement({
      statement: { sql, params: [] },
      analysisIn: (dialect) => ({ ...analysisOf(dialect, {}), tables: uses }),
      topology: config.topology,
      tables: config.tables,
      routers: [],
      safetyOf: () => 'safe',
      resolve: () => {
        throw new Error('not asked')
      },
    })
    expect(routed.route.sql).toBe('select * from `reviews`.`review` r join `stock`.level l on l.id = r.id')
    expect(rulesOf(routed)[0]).toBe('shared-server')
  })
})

describe('exclusive databases and migrations', () => {
  it('take only the tables that are declared for them', () => {
    const error = refusal(() => route({ read: ['product'] }, { using: 'reviews' }))
    expect(error).toMatchObject({ code: 'SIGNALBOX_TABLE_NOT_ALLOWED', table: 'product', database: 'reviews' })
    expect(error.message).toMatch(/exclusive.*review/)
    expect(route({ read: ['review', 'information_schema.tables'] }, { using: 'reviews' }).route.database).toBe(
      'reviews',
    )
  })

  const create = (table: string): Sketch => ({ write: [table], kind: 'ddl' })

  it('a declared table is migrated on its home only', () => {
    expect(rulesOf(route(create('review')))).toContain('migrate')
    expect(refusal(() => route(create('archived_x'), { using: 'shop' })).message).toMatch(
      /archived_x may not be migrated on "shop": its home is "archive"/,
    )
    expect(route(create('product'), { using: 'archive' }).route.database).toBe('archive')
  })

  it('a router’s opinion comes before the declared home', () => {
    const routers: Router[] = [
      { allowMigrate: (database, table) => (table.name === 'archived_x' ? database === 'shop' : undefined) },
    ]
    expect(route(create('archived_x'), { using: 'shop', config: { routers } }).route.database).toBe('shop')
    expect(refusal(() => route(create('archived_x'), { config: { routers }, dialect: 'sqlite' })).message).toMatch(
      /forbids/,
    )
  })
})

describe('the effect of a statement', () => {
  it.each<[string, Sketch, string, string]>([
    ['a read', {}, 'read', 'read'],
    ['a locking read', { kind: 'locking-read' }, 'write', 'locking-read'],
    ['a write', { kind: 'write' }, 'write', 'write'],
    ['a schema change', { kind: 'ddl' }, 'write', 'ddl'],
    ['session state', { kind: 'session' }, 'session', 'session-state'],
    ['a temporary table', { kind: 'ddl', leavesState: true }, 'session', 'session-state'],
    ['what is not understood', { kind: 'unknown' }, 'session', 'not-understood'],
    ['a safe function', { functions: [{ name: 'safe_sum' }] }, 'read', 'read'],
    [
      'a volatile function',
      { functions: [{ name: 'safe_sum' }, { name: 'volatile_log', schema: 'app' }] },
      'write',
      'volatile-function',
    ],
    ['an unknown function', { functions: [{ name: 'mystery' }] }, 'write', 'unknown-function'],
  ])('%s', (_, sketch, effect, rule) => {
    const routed = route(sketch, { dialect: 'postgres' })
    expect(routed.route.effect).toBe(effect)
    expect(rulesOf(routed)).toContain(rule)
  })
})

describe('a route', () => {
  it('is the same for the same input, and frozen', () => {
    const sketch = { read: ['review'], functions: [{ name: 'volatile_x' }] }
    expect(route(sketch).route).toEqual(route(sketch).route)
    expect(Object.isFrozen(route(sketch).route)).toBe(true)
    expect(Object.isFrozen(route(sketch).route.reasons)).toBe(true)
  })

  it('can be printed', () => {
    expect(formatRoute(route({ read: ['review'] }).route)).toBe(
      '→ reviews, shard main, primary, as a read\n' +
        '  · review lives in "reviews": declared [home]\n' +
        '  · a sketch [read]\n' +
        '  · "reviews" has one server [primary]',
    )
  })
})
