import { CannotScatterError } from '../../errors.ts'
import type { Field } from '../../drivers/driver.ts'
import { emptyParams, emptyText, shardText, type OrderKey, type RowPlan } from '../../routing/scatter/row-plan.ts'
import type { Params } from '../../statement/statement.ts'
import type { Engine } from '../../topology/server-target.ts'
import { sortTypeOfMysql, type MysqlField } from '../merge/sort-type-of-mysql.ts'
import { sortTypeOfPostgres } from '../merge/sort-type-of-postgres.ts'
import type { SortType } from '../merge/sort-type.ts'

/** Runs a read on one of the shards: the answer with rows as arrays, and the columns. */
export type AskShard = (
  sql: string,
  params: Params,
) => Promise<{ readonly rows: readonly (readonly unknown[])[]; readonly fields: readonly Field[] }>

/** How the values of a sort key are compared. */
export type KeyOrder =
  /** By this process, as the engine would. */
  | {
      readonly by: 'type'
      readonly type: SortType
      /** MySQL's TIMESTAMP: by its seconds since 1970. In autumn two of them have the same text, where the clock is set back. */
      readonly instant?: true
    }
  /** By a server, which ranks the values: they come as text. */
  | { readonly by: 'server'; readonly ranking: Ranking }

/** How a server ranks values that are sent to it as texts. `type`: PostgreSQL, what they are cast to. */
export interface Ranking {
  readonly type: string
  /** As it stands behind COLLATE; `undefined`: the type has none. */
  readonly collation: string | undefined
}

/**
 * How the engine orders the values of the sort keys: by their types, and for text by the collation that each shard says it has.
 * Asked once for each text.
 *
 * `mayBeMissing`: a shard that failed with this error is left out.
 *
 * Throws `CannotScatterError` where the shards do not agree, or nobody can order the values from outside.
 */
export async function learnKeyOrders(
  engine: Engine,
  plan: RowPlan,
  params: Params,
  shards: readonly AskShard[],
  mayBeMissing: (error: unknown) => boolean,
): Promise<readonly KeyOrder[]> {
  const learn = { postgres: postgresOrders, mysql: mysqlOrders, sqlite: sqliteOrders }[engine]
  const asked = await Promise.allSettled(shards.map(async (ask) => await learn(plan, params, ask)))
  for (const answer of asked) if (answer.status === 'rejected' && !mayBeMissing(answer.reason)) throw answer.reason
  const found = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  return plan.order.map((key, index) => {
    const orders = found.map((each) => each[index])
    const [first] = orders
    if (first !== undefined && first.by !== 'nobody' && orders.every((each) => isSame(each, first))) return first
    throw unordered(key, index, [...new Set(orders.map(describe))].join(', '))
  })
}

type Found = (KeyOrder & { readonly known?: string }) | { readonly by: 'nobody'; readonly why: string }

function isSame(one: Found | undefined, other: Found): boolean {
  return describe(one) === describe(other)
}

/**
 * SQLite has three collations, and tells of no column which one it has. But the columns of a compound have those of its first
 * member: a text that equals another one there names it.
 */
async function sqliteOrders(plan: RowPlan, params: Params, ask: AskShard): Promise<readonly Found[]> {
  const names = plan.order.map(({ name }) => name)
  const listed = names.join(', ')
  const model = `select ${listed} from (${shardText(plan)}) limit 0`
  const tests = names.flatMap((name) => [`${name} = 'A'`, `${name} = 'a '`])
  const { rows } = await ask(
    `with m(${listed}) as (select * from (${model}) union all select ${names.map(() => "'a'").join(', ')}) select ${tests.join(', ')} from m`,
    params,
  )
  const [row = []] = rows
  return plan.order.map(({ collation }, index): Found => {
    const found = row[2 * index] === 1 ? 'nocase' : row[2 * index + 1] === 1 ? 'rtrim' : undefined
    return { by: 'type', type: sqliteType(collation ?? found) }
  })
}

function sqliteType(collation: string | undefined): SortType {
  const name = collation?.toLowerCase()
  if (name === 'nocase') return 'sqlite-nocase'
  return name === 'rtrim' ? 'sqlite-rtrim' : 'sqlite'
}

/** Types of PostgreSQL that have a collation: text, varchar, character, name. */
const collatable = new Set([25, 1043, 1042, 19])
/** json, point, lseg, path, box, polygon, circle, xid, xml: no order. A row without a type of its own cannot be read from a text. */
const unorderable = new Set([114, 600, 601, 602, 603, 604, 718, 28, 142, 2249])

async function postgresOrders(plan: RowPlan, params: Params, ask: AskShard): Promise<readonly Found[]> {
  const { fields } = await ask(`select * from (${shardText(plan)}) as q limit 0`, params)
  const oids = fields.slice(-plan.order.length).map(({ native }) => Number(Reflect.get(native as object, 'dataTypeID')))
  const said = await postgresFacts(plan, oids, params, ask)
  return plan.order.map((_, index): Found => {
    const oid = oids[index] ?? 0
    const { type, collation, bytewise, exactFloats } = said[index]!
    const sortType = sortTypeOfPostgres(oid, bytewise ? 'C' : collation)
    if (sortType === 'float' && !exactFloats)
      return { by: 'nobody', why: `of the type ${type}, and rounded where extra_float_digits is below 1` }
    if (sortType !== undefined) return { by: 'type', type: sortType }
    if (unorderable.has(oid)) return { by: 'nobody', why: `of the type ${type}` }
    return { by: 'server', ranking: { type, collation } }
  })
}

interface PostgresFacts {
  readonly type: string
  readonly collation: string | undefined
  /** The collation compares code points. */
  readonly bytewise: boolean
  /** Floating-point numbers come with all their digits. */
  readonly exactFloats: boolean
}

/** The server derives types and collations from the expressions, also where there are no rows. */
async function postgresFacts(
  plan: RowPlan,
  oids: readonly number[],
  params: Params,
  ask: AskShard,
): Promise<readonly PostgresFacts[]> {
  const items = plan.order.flatMap(({ name }, index) => {
    const value = `(select ${name} from q limit 1)`
    const collation = collatable.has(oids[index] ?? 0) ? `pg_collation_for(${value})` : 'null'
    return [`pg_typeof(${value})::text`, collation]
  })
  // The provider is known from version 15 on; before that it is the C library.
  const own = `(select case when to_jsonb(d)->>'datlocprovider' = 'i' then 'icu ' || (to_jsonb(d)->>'daticulocale') else datcollate end
    from pg_database d where datname = current_database())`
  const settings = `current_setting('server_encoding'), current_setting('extra_float_digits')`
  const { rows } = await ask(`with q as (${shardText(plan)}) select ${[...items, own, settings].join(', ')}`, params)
  const [row = []] = rows
  const [database, encoding, digits] = row.slice(-3).map(textOf)
  const exactFloats = Number(digits) > 0
  return plan.order.map((_, index) => {
    const [type, written] = [textOf(row[2 * index]), textOf(row[2 * index + 1])]
    if (written === '') return { type, collation: undefined, bytewise: false, exactFloats }
    const name = written.replaceAll('"', '').replace(/^.*\./, '')
    const meant = name === 'default' ? (database ?? '') : name
    // "C", and the locales of the C library that compare by code points.
    const bytewise = encoding === 'UTF8' && /^(?:C(?:\.utf-?8)?|POSIX|ucs_basic)$/i.test(meant)
    return { type, collation: written, bytewise, exactFloats }
  })
}

/** TIMESTAMP, which is a moment; DATETIME is what a calendar and a clock show. */
const timestamp = 7

async function mysqlOrders(plan: RowPlan, params: Params, ask: AskShard): Promise<readonly Found[]> {
  const text = shardText(plan)
  const { fields } = await ask(emptyText(plan), emptyParams(plan, params))
  const keys = fields.slice(-plan.order.length).map(({ native }) => native as MysqlField)
  // Columns of one name may not be in one table, so all get other names; and a row is needed also where there is none.
  const names = fields.map((_, index) => `s${index}`)
  const items = names
    .slice(-plan.order.length)
    .map((name) => `(select collation(${name}) from (select 1) one left join q on true limit 1)`)
  const { rows } = await ask(`with q(${names.join(', ')}) as (${text}) select ${items.join(', ')}`, params)
  const [row = []] = rows
  return keys.map((native, index): Found => {
    const collation = textOf(row[index])
    const type = sortTypeOfMysql(native, collation === '' ? undefined : collation)
    if (native.columnType === timestamp) return { by: 'type', type: 'decimal', instant: true }
    if (type !== undefined) return { by: 'type', type }
    // Whatever is text by its looks, but sorted by something else, says so by its field.
    const isText = collation !== '' && collation !== 'binary' && isPlainText(native)
    return isText
      ? { by: 'server', ranking: { type: '', collation } }
      : { by: 'nobody', why: 'of a type with an order of its own' }
  })
}

/** VARCHAR, the TEXTs, VAR_STRING, STRING, and no ENUM, SET or type of MariaDB's own that is sent as text. */
function isPlainText({ columnType = 0, flags, extendedTypeName }: MysqlField): boolean {
  const numbered = 0x100 | 0x800
  return (
    [15, 249, 250, 251, 252, 253, 254].includes(columnType) &&
    extendedTypeName === undefined &&
    typeof flags === 'number' &&
    (flags & numbered) === 0
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function describe(order: Found | undefined): string {
  if (order === undefined) return 'unknown'
  if (order.by === 'nobody') return order.why
  if (order.by === 'type') return order.instant === true ? 'a moment' : order.type
  return `${order.ranking.type} in the collation ${order.ranking.collation ?? 'of its type'}`
}

function unordered({ expression }: OrderKey, index: number, said: string): CannotScatterError {
  return new CannotScatterError(
    'ORDER BY',
    `The rows of the shards are sorted by ${expression} (key ${index + 1}), which the shards say is ${said}. ` +
      'Their rows can be put together by a type and a collation that all of them have. Sort by something else, or name one shard.',
  )
}
