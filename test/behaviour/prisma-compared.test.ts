import { fileURLToPath } from 'node:url'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import mariadb from 'mariadb'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { mariadbFor } from '../../src/adapters/mariadb.ts'
import { connect } from '../../src/index.ts'
import { generatePrisma } from '../orms/tools/generate-prisma.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

/** What is used of the client that Prisma makes of `kinds-mysql.prisma`. */
interface Tables {
  readonly maker: Table
  readonly item: Table
  $queryRaw(text: TemplateStringsArray, ...values: readonly unknown[]): Promise<unknown>
  $executeRaw(text: TemplateStringsArray, ...values: readonly unknown[]): Promise<unknown>
}

type Call =
  'create' | 'createMany' | 'findMany' | 'update' | 'updateMany' | 'upsert' | 'deleteMany' | 'aggregate' | 'groupBy'
type Table = Readonly<Record<Call, (args: object) => Promise<unknown>>>

interface PrismaClient extends Tables {
  $transaction(calls: readonly Promise<unknown>[]): Promise<unknown>
  $transaction(work: (tx: Tables) => Promise<unknown>, options?: object): Promise<unknown>
  $disconnect(): Promise<void>
}

interface Generated {
  readonly PrismaClient: new (options: { readonly adapter: PrismaMariaDb }) => PrismaClient
}

const schema = [
  'create table maker (id integer primary key auto_increment, name varchar(100) not null unique)',
  `create table item (id bigint primary key auto_increment, text text, kind enum('one','two'), flag boolean, whole integer, big bigint,
    exact decimal(30,10), inexact double, day date, time time(3), moment datetime(3), bytes longblob, json json, maker_id integer,
    constraint maker_of foreign key (maker_id) references maker (id)) charset utf8mb4`,
]

const day = new Date('2026-02-03')
const moment = new Date('2026-02-03T04:05:06.789Z')

/** A value of each kind. */
const values = {
  text: 'ünï😀',
  kind: 'two',
  flag: true,
  whole: -5,
  big: 2n ** 63n - 1n,
  exact: '12345678901234567890.0123456789',
  inexact: 0.1,
  day,
  time: new Date('1970-01-01T12:34:56.789Z'),
  moment,
  bytes: Buffer.from([0, 255, 1]),
}

type Steps = Readonly<Record<string, (db: PrismaClient) => Promise<unknown>>>

const id = { id: true }

const ofValues: Steps = {
  create: (db) => db.item.create({ data: { ...values, json: { a: [1, 2.5, null, 'x'], b: true } } }),
  'create without any': (db) => db.item.create({ data: {} }),
  'create several': (db) => db.item.createMany({ data: [{ whole: 1 }, { whole: 2, moment: day }] }),
  all: (db) => db.item.findMany({ orderBy: { id: 'asc' } }),
  ...Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `those with ${name}`,
      (db: PrismaClient) => db.item.findMany({ where: { [name]: value }, select: id }),
    ]),
  ),
  'those with JSON': (db) => db.item.findMany({ where: { json: { path: '$.b', equals: true } }, select: id }),
  'those of a list': (db) => db.item.findMany({ where: { big: { in: [1n, values.big] } }, select: id }),
  'raw values': (db) =>
    db.$queryRaw`select ${1} as a, ${10n} as b, ${'x'} as c, ${moment} as d, ${values.bytes} as e, ${true} as f, ${1.5} as g, count(*) as n from item`,
  'raw rows': (db) => db.$queryRaw`select * from item order by id`,
  'rows by a raw moment': (db) => db.$queryRaw`select id from item where moment = ${moment}`,
  'a raw change': (db) => db.$executeRaw`update item set whole = ${3} where id = ${1n}`,
  aggregate: (db) =>
    db.item.aggregate({
      _sum: { whole: true, big: true, exact: true },
      _avg: { whole: true },
      _min: { moment: true },
      _count: true,
    }),
  group: (db) => db.item.groupBy({ by: ['kind'], _count: true, orderBy: { kind: 'asc' } }),
  'from a cursor': (db) => db.item.findMany({ cursor: { id: 2n }, take: 2, skip: 1, select: id }),
}

const ofRelations: Steps = {
  nested: (db) =>
    db.maker.create({ data: { name: 'm', items: { create: [{ whole: 7 }, { whole: 8 }] } }, include: { items: true } }),
  'with its own': (db) =>
    db.maker.findMany({ include: { items: { orderBy: { id: 'asc' } }, _count: { select: { items: true } } } }),
  'a second of a kind': (db) => db.maker.create({ data: { name: 'm' } }),
  'of nobody': (db) => db.item.create({ data: { makerId: 999 } }),
  'of nothing': (db) => db.item.update({ where: { id: 999n }, data: { whole: 1 } }),
  'too long': (db) => db.maker.create({ data: { name: 'x'.repeat(300) } }),
  'of no table': (db) => db.$queryRaw`select * from missing`,
  'upsert, new': (db) => db.maker.upsert({ where: { name: 'n' }, create: { name: 'n' }, update: { name: 'o' } }),
  'upsert, there': (db) => db.maker.upsert({ where: { name: 'n' }, create: { name: 'n' }, update: { name: 'o' } }),
  'update several': (db) => db.item.updateMany({ where: { whole: { gt: 0 } }, data: { whole: { increment: 10 } } }),
  'two at once': (db) => db.$transaction(['b', 'c'].map((name) => db.maker.create({ data: { name } }))),
  'two at once, one refused': (db) => db.$transaction(['d', 'b'].map((name) => db.maker.create({ data: { name } }))),
  'at a level': (db) =>
    db.$transaction(
      async (tx) => {
        await tx.maker.create({ data: { name: 'e' } })
        return await tx.$queryRaw`select @@tx_isolation as level, count(*) as n from maker`
      },
      { isolationLevel: 'Serializable' },
    ),
  undone: (db) =>
    db.$transaction(async (tx) => {
      await tx.maker.create({ data: { name: 'f' } })
      throw new Error('undone')
    }),
  delete: (db) => db.item.deleteMany({ where: { whole: null } }),
  'all items': (db) => db.item.findMany({ orderBy: { id: 'asc' } }),
  'all makers': (db) => db.maker.findMany({ orderBy: { id: 'asc' } }),
}

interface Told {
  readonly answers: Readonly<Record<string, unknown>>
  /** The steps that failed. */
  readonly failed: readonly string[]
}

/** What came of each step, as data. */
async function carriedOut(steps: Steps, db: PrismaClient, database: string): Promise<Told> {
  const answers: Record<string, unknown> = {}
  const failed: string[] = []
  for (const [name, step] of Object.entries(steps)) {
    try {
      answers[name] = await step(db)
    } catch (error) {
      const { code, message, meta } = error as { code?: string; message: string; meta?: unknown }
      answers[name] = JSON.parse(JSON.stringify({ code, message, meta }).replaceAll(database, 'the database'))
      failed.push(name)
    }
  }
  return { answers, failed }
}

const refused = ['a second of a kind', 'of nobody', 'of nothing', 'too long', 'of no table', 'two at once, one refused']

describe.runIf(testedEngines.includes('mysql'))('Prisma answers through Signalbox as on mariadb', () => {
  let Client: Generated['PrismaClient']
  beforeAll(async () => {
    const made = await generatePrisma(fileURLToPath(new URL('../support/kinds-mysql.prisma', import.meta.url)))
    Client = ((await import(made.href)) as Generated).PrismaClient
  })

  /** On a database of its own, on `mariadb` or its façade. */
  async function told(steps: Steps, isBare: boolean, useTextProtocol: boolean): Promise<Told> {
    const database = await freshDatabase('mysql')
    onTestFinished(async () => await database.drop())
    const client = await connect({ databases: { default: { primary: database.dsn } } })
    onTestFinished(async () => await client.close())
    for (const statement of schema) await client.query(statement)
    const { hostname: host, port, username: user, password, pathname } = new URL(database.dsn)
    const name = pathname.slice(1)
    const pool = isBare
      ? mariadb.createPool({ host, port: Number(port), user, password, database: name, prepareCacheLength: 0 })
      : mariadbFor(client).createPool()
    onTestFinished(async () => await pool.end())
    const db = new Client({ adapter: new PrismaMariaDb(pool as mariadb.Pool, { useTextProtocol }) })
    onTestFinished(async () => await db.$disconnect())
    return await carriedOut(steps, db, name)
  }

  describe.each([
    ['prepared statements', false],
    ['texts', true],
  ])('by %s', (_, useTextProtocol) => {
    it.each([
      ['values of each kind', ofValues, []],
      ['relations, transactions and errors', ofRelations, [...refused, 'undone']],
    ])('%s', async (_, steps, failed) => {
      const bare = await told(steps, true, useTextProtocol)
      expect(bare.failed).toEqual(failed)
      expect(await told(steps, false, useTextProtocol)).toEqual(bare)
    })
  })
})
