import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Pool } from 'pg'
import { connect, type Client, type Dsn } from 'signalbox'
import { createDatabase, startPostgres } from 'signalbox/testing'
import { compare, type Comparison } from './measure.ts'

const rows = 200_000
const changedRows = [0, 100, 10_000]

/** A question, with `$1` for a key, and `{schema}` where the base's own tables have one. */
interface Shape {
  readonly name: string
  readonly sql: string
  /** Measured and printed, without a target. */
  readonly isJudged: boolean
  /** For one of these, how many. */
  readonly operations: number
}

const shapes: readonly Shape[] = [
  { name: 'read by key', sql: 'select * from {schema}product where id = $1', isJudged: true, operations: 400 },
  {
    name: 'join by key',
    sql: 'select p.name, r.stars from {schema}product p join {schema}review r on r.product_id = p.id where p.id = $1',
    isJudged: true,
    operations: 400,
  },
  {
    name: 'ORDER BY key LIMIT 20',
    sql: 'select * from {schema}product where id > $1 order by id limit 20',
    isJudged: true,
    operations: 400,
  },
  {
    name: 'join of 21 rows',
    sql: 'select p.name, r.stars from {schema}review r join {schema}product p on p.id = r.product_id where r.id between $1 and $1 + 20',
    isJudged: false,
    operations: 200,
  },
  {
    name: 'count of all rows above a key',
    sql: 'select count(*) from {schema}product where id > $1',
    isJudged: false,
    operations: 5,
  },
]

/** Reads of a shadow against the base itself on SQLite, and against plain foreign tables of it on PostgreSQL. */
export async function benchShadows(scale: number): Promise<readonly Comparison[]> {
  return [...(await benchSqliteShadow(scale)), ...(await benchPostgresShadow(scale))]
}

async function benchSqliteShadow(scale: number): Promise<readonly Comparison[]> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-bench-'))
  const [base, local] = [join(folder, 'base.db'), join(folder, 'local.db')]
  try {
    {
      await using client = await connect(`sqlite:${base}`)
      await fill(client, 'with recursive n (n) as (values (1) union all select n + 1 from n where n < 200000) select')
    }
    using bare = new DatabaseSync(base, { readOnly: true })
    const found: Comparison[] = []
    await using shadow = await connect(shadowOf(`sqlite:${base}`, `sqlite:${local}`))
    for (const changed of changedRows) {
      await change(shadow, changed)
      for (const shape of shapes) {
        const statement = bare.prepare(textOf(shape, ''))
        found.push(
          await compared('SQLite', 0.5, shape, changed, scale, {
            bare: { name: 'the base', run: (key) => statement.all({ 1: key }) },
            shadow,
          }),
        )
      }
    }
    return found
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function benchPostgresShadow(scale: number): Promise<readonly Comparison[]> {
  await using server = await startPostgres()
  const [base, local] = [await createDatabase(server), await createDatabase(server)]
  {
    await using client = await connect(base.dsn)
    await fill(client, `with n (n) as (select * from generate_series(1, ${rows})) select`)
    await client.query('analyze')
  }
  const foreign = new Pool({ connectionString: local.dsn })
  const found: Comparison[] = []
  try {
    await using shadow = await connect(shadowOf(base.dsn, local.dsn))
    for (const changed of changedRows) {
      await change(shadow, changed)
      for (const shape of shapes) {
        const text = textOf(shape, 'signalbox_base.')
        found.push(
          await compared('PostgreSQL', 0.33, shape, changed, scale, {
            bare: {
              name: 'foreign table',
              run: async (key) => await foreign.query({ name: shape.name, text, values: [key] }),
            },
            shadow,
          }),
        )
      }
    }
  } finally {
    await foreign.end()
  }
  return found
}

function shadowOf(base: Dsn, local: Dsn): Parameters<typeof connect>[0] {
  return {
    databases: {
      default: 'dev',
      shop: base,
      dev: { shadow: { base: 'shop', local }, tables: { product: 'augment', review: 'augment' } },
    },
  }
}

function textOf({ sql }: Shape, schema: string): string {
  const text = sql.replaceAll('{schema}', schema)
  return schema === '' ? text.replaceAll('$', '?') : text
}

async function fill(client: Client, numbers: string): Promise<void> {
  for (const sql of [
    'create table product (id integer primary key, name text not null, price integer)',
    'create table review (id integer primary key, product_id integer references product (id), stars integer)',
    'create index review_product on review (product_id)',
  ])
    await client.query(sql)
  await client.query(`insert into product ${numbers} n, 'product ' || n, n % 100 from n`)
  await client.query(`insert into review ${numbers} n, n, n % 5 from n`)
}

/** So many rows of each table, spread over it. */
async function change(shadow: Client, changed: number): Promise<void> {
  // The first statement makes the shadow.
  await shadow.query('select 1 from product where id = 0')
  if (changed === 0) return
  await shadow.query(`update product set price = price + 1 where id % ${rows / changed} = 0`)
  await shadow.query(`update review set stars = stars + 1 where id % ${rows / changed} = 0`)
}

async function compared(
  engine: string,
  ratio: number,
  shape: Shape,
  changed: number,
  scale: number,
  parts: { readonly bare: { readonly name: string; readonly run: (key: number) => unknown }; readonly shadow: Client },
): Promise<Comparison> {
  const key = (index: number): number => ((index * 7_919) % rows) + 1
  const sql = engine === 'SQLite' ? textOf(shape, '') : shape.sql.replaceAll('{schema}', '')
  return await compare({
    bench: `${engine}: shadow with ${changed.toLocaleString('en')} changed rows of ${rows.toLocaleString('en')}`,
    concurrency: 1,
    // In microseconds, and not in milliseconds as beside a network.
    operations: Math.ceil(shape.operations * scale * (engine === 'SQLite' && shape.operations > 100 ? 20 : 1)),
    rounds: 5,
    bare: { name: parts.bare.name, run: (index) => parts.bare.run(key(index)) },
    signalbox: { name: shape.name, run: async (index) => await parts.shadow.query(sql, [key(index)]) },
    target: shape.isJudged ? { ratio } : 'not judged',
  })
}
