import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkRead } from '../../oracle/read-check.ts'
import { runOracle } from '../../oracle/run.ts'
import { type Sides, startSides } from '../../oracle/sides.ts'
import { Tally } from '../../oracle/tally.ts'
import { worlds } from '../../oracle/world.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/** Statements that the oracle has found to be answered otherwise than by one database. */
const found: readonly string[] = [
  'select distinct x.id, x.id from customer x order by x.id, x.id',
  'select distinct x.name as a, x.level, x.name as b from customer x order by a, x.level, b',
  'select x.code from country x left join customer y on x.area = y.id order by x.code, y.id',
  'select x.id from customer x right join country y on y.code = x.country order by x.id, y.code',
  'select count(*) from customer x right join country y on y.code = x.country',
  'select x.id, x.id, x.id from customer x order by x.id limit 0',
  'select x.*, x.id from customer x order by x.id limit 2 offset 1',
  'select x.city from customer x order by x.city, x.id limit 1',
  'select x.city from customer x where x.id in (1, 2, 3, 4) order by x.city desc, x.id',
  'select count(*), max(x.city), min(x.city) from customer x',
  'select x.level, max(x.city) from customer x group by x.level order by x.level',
  'select x.id as id, x.level as id, count(*) from customer x group by x.id, x.level order by id',
  'select x.id as id, count(*) from customer x join customer y on x.id = y.id group by id order by x.id',
  'select x.id as id, x.customer_id + 1 as id from purchase x order by id, x.customer_id, x.id limit 1',
  'select x.id, -x.id as id, count(*) from customer x group by x.id, -x.id order by id',
]

describe.each(testedEngines)('four shards answer as one database does on %s', (engine) => {
  const databases: TestDatabase[] = []
  const makeDatabase = async (): Promise<TestDatabase> => {
    const database = await freshDatabase(engine)
    databases.push(database)
    return database
  }
  let sides: Sides
  beforeAll(async () => {
    sides = await startSides(engine, worlds[0]!, makeDatabase)
  })
  afterAll(async () => {
    await sides[Symbol.asyncDispose]()
    for (const database of databases) await database.drop()
  })

  it.each(found)('%s', async (sql) => {
    const tally = new Tally()
    const query = { sql, params: [], unlimited: undefined, total: true, folded: true, aggregated: false }
    await checkRead(sides, { ...query, mode: 'array', form: '' }, tally)
    expect(tally.statements).toBe(1)
  })

  it('random statements', { timeout: 120_000 }, async () => {
    const { reads, writes, defects } = await runOracle({
      engine,
      makeDatabase,
      statements: 600,
      seed: 1,
      mostDefects: 3,
    })
    expect(defects).toEqual([])
    // What is refused proves nothing.
    expect(reads.share, reads.describe()).toBeGreaterThan(0.6)
    expect(reads.withRows).toBeGreaterThan(200)
    for (const way of ['by one shard', 'scattered', 'aggregated'] as const)
      expect(reads.of(way), `${way}: ${reads.describe()}`).toBeGreaterThan(40)
    for (const way of ['by one shard', 'written'] as const)
      expect(writes.of(way), writes.describe()).toBeGreaterThan(10)
  })
})
