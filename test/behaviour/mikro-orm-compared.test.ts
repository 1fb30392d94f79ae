import { MariaDbDriver } from '@mikro-orm/mariadb'
import { EntitySchema, MikroORM, type Options } from '@mikro-orm/sql'
import { MysqlDialect } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { mysql2For } from '../../src/adapters/mysql2.ts'
import { connect } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

interface Kinds {
  readonly id: number
  readonly big?: bigint | null
  readonly exact?: string | null
  readonly flag?: boolean | null
  readonly day?: string | null
  readonly moment?: Date | null
  readonly time?: string | null
  readonly json?: unknown
  readonly bytes?: Buffer | null
}

const kinds = new EntitySchema<Kinds>({
  name: 'Kinds',
  tableName: 'kinds',
  properties: {
    id: { type: 'integer', primary: true },
    big: { type: 'bigint', nullable: true },
    exact: { type: 'decimal', nullable: true },
    flag: { type: 'boolean', nullable: true },
    day: { type: 'date', nullable: true },
    moment: { type: 'datetime', nullable: true },
    time: { type: 'time', nullable: true },
    json: { type: 'json', nullable: true },
    bytes: { type: 'blob', nullable: true },
  },
})

const rows: readonly Kinds[] = [
  {
    id: 1,
    big: 2n ** 53n + 1n,
    exact: '1.5',
    flag: true,
    day: '2026-02-03',
    moment: new Date('2026-02-03T04:05:06.789Z'),
    time: '12:34:56',
    json: { a: [1, 'x'] },
    bytes: Buffer.from([0, 255]),
  },
  { id: 2 },
]

/** As docs/orms.md has it. */
const settings = { dateStrings: true, jsonStrings: true, supportBigNumbers: true, timezone: 'Z' }

it.runIf(testedEngines.includes('mysql'))(
  'MikroORM has the same values on MariaDB through a pool of Signalbox, set as its own, as through its own',
  async () => {
    await using database = await freshDatabase('mysql')
    await using client = await connect({ databases: { default: { primary: database.dsn } } })
    await client.query(
      `create table kinds (id integer primary key, big bigint, exact decimal(30,10), flag boolean, day date, moment datetime(3), time time,
        json json, bytes blob)`,
    )
    const { hostname: host, port, username: user, password, pathname } = new URL(database.dsn)

    /** Entities, rows without them, and what has come to the server. */
    async function valuesBy(place: Pick<Options, 'driverOptions' | 'host' | 'port' | 'user' | 'password'>) {
      const common = { driver: MariaDbDriver, dbName: pathname.slice(1), ensureDatabase: false, forceUtcTimezone: true }
      const orm = await MikroORM.init({ ...common, entities: [kinds], ...place })
      onTestFinished(async () => await orm.close())
      const em = orm.em.fork()
      await em.persist(rows.map((row) => em.create(kinds, row))).flush()
      const found = await orm.em.fork().findAll(kinds, { orderBy: { id: 'asc' } })
      const raw: unknown = await orm.em.fork().execute('select * from kinds order by id')
      const { rows: sent } = await client.query('select * from kinds order by id')
      await orm.em.fork().nativeDelete(kinds, {})
      return { found: found.map((each) => ({ ...each })), raw, sent }
    }

    const bare = await valuesBy({ host, port: Number(port), user, password })
    const pool = mysql2For(client).createPool(settings)
    expect(await valuesBy({ driverOptions: new MysqlDialect({ pool }) })).toEqual(bare)
    expect(bare.found[0]).toMatchObject({ ...rows[0], exact: '1.5000000000' })
  },
)
