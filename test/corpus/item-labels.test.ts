import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Client } from '../../src/index.ts'
import { readQueryShape } from '../../src/statement/shape/read-query-shape.ts'
import { freshDatabase, testedEngines, type TestDatabase } from '../support/servers.ts'

/** Items without an alias; the server says what it calls them. */
const items = [
  'id',
  't.id',
  '(id)',
  '((t.id))',
  'count(*)',
  'pg_catalog.max(id)',
  'count(*) filter (where id > 1)',
  'string_agg(s, s)',
  'percentile_cont(0.5) within group (order by id)',
  'row_number() over (order by id)',
  'row_number() over w',
  'lower(s)',
  'coalesce(s, s)',
  'greatest(id, 1)',
  'nullif(id, 1)',
  'extract(year from moment)',
  'substring(s from 1)',
  'position(s in s)',
  'id::text',
  'id::text::varchar(5)',
  '(id + 1)::int',
  '(id + 1)::double precision',
  '(id + 1)::numeric(8, 2)',
  "'2020-01-01'::timestamp with time zone",
  "'2020-01-01'::timestamp(3) without time zone",
  '(id + 1)::pg_catalog.int8',
  'lower(s)::char(3)',
  'cast(id as char(3))',
  'cast(id + 1 as bigint)',
  's collate "C"',
  'case when id > 1 then s end',
  'case when id > 1 then s else lower(s) end',
  'case when id > 1 then s else id::text end',
  "case when id > 1 then s else 'x'::text end",
  'case id when 1 then s else case when true then s else s end end',
  'id + 1',
  '- id',
  'not (id = 1)',
  'id between 1 and 2',
  's like s',
  'id in (1, 2)',
  's is not null',
  'id is distinct from 1',
  '1',
  "'text'",
  '$1',
  'array[1, 2]',
  '(array[1, 2])[1]',
  "date '2020-01-01'",
  'true',
  'current_date',
  'trim(s)',
  'exists (select 1)',
  '(select id from t u limit 1)',
  'row(1, 2)',
  "moment at time zone 'utc'",
  '"Odd name"',
] as const

/** The name of the item, `none`, or `unclear`. */
function labelOf(item: string): string {
  const shape = readQueryShape(`select ${item} from t`, 'postgres')
  const [only] = shape?.items ?? []
  if (only === undefined) return 'not read'
  return only.hasUnclearLabel === true ? 'unclear' : (only.column ?? only.label ?? '?column?')
}

describe.runIf(testedEngines.includes('postgres'))('the names that PostgreSQL gives to items', () => {
  let database: TestDatabase
  let client: Client<'default'>
  beforeAll(async () => {
    database = await freshDatabase('postgres')
    client = await connect(database.dsn)
    await client.query('create table t (id integer primary key, s text, moment timestamp, "Odd name" integer)')
  })
  afterAll(async () => {
    await client.close()
    await database.drop()
  })

  it.each(items)('%s', async (item) => {
    const label = labelOf(item)
    const groups = /count|max|agg|percentile/.test(item) ? '' : 'group by id, s, moment, "Odd name" '
    const window = item.includes('over w') ? 'window w as (order by id) ' : ''
    const text = `select ${item} from t ${groups}${window}limit 0`
    const { fields } = await client.query(text, item === '$1' ? ['x'] : [])
    expect([fields[0]?.name, 'unclear']).toContain(label)
  })

  it('are nearly all told', () => {
    expect(items.filter((item) => labelOf(item) === 'unclear')).toEqual([
      'array[1, 2]',
      '(array[1, 2])[1]',
      "date '2020-01-01'",
      'true',
      'current_date',
      'trim(s)',
      'exists (select 1)',
      '(select id from t u limit 1)',
      'row(1, 2)',
      "moment at time zone 'utc'",
    ])
  })
})
