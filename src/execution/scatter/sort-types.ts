import { CannotScatterError } from '../../errors.ts'
import type { Field } from '../../drivers/driver.ts'
import { shardText, type OrderKey, type RowPlan } from '../../routing/scatter/row-plan.ts'
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

/** Types of PostgreSQL that have a collation: text, varchar, character, name. */
const collatable = new Set([25, 1043, 1042, 19])

/**
 * How the engine orders the values of the sort keys: by their types, and for text by the collation that each shard says it has.
 * Asked once for each text.
 *
 * Throws `CannotScatterError` for a key that only a server can order.
 */
export async function learnSortTypes(
  engine: Engine,
  plan: RowPlan,
  params: Params,
  shards: readonly AskShard[],
): Promise<readonly SortType[]> {
  if (engine === 'sqlite') return plan.order.map(({ collation }) => sqliteType(collation))
  const found = await Promise.all(
    shards.map(async (ask) => await (engine === 'postgres' ? postgresTypes : mysqlTypes)(plan, params, ask)),
  )
  return plan.order.map((key, index) => {
    const [first, ...others] = found.map((types) => types[index])
    if (first === undefined) throw unordered(key, index, '')
    if ('type' in first && others.every((other) => other !== undefined && 'type' in other && other.type === first.type))
      return first.type
    const said = [...new Set(found.map((types) => describe(types[index])))].join(', ')
    throw unordered(key, index, said)
  })
}

type KeyType = { readonly type: SortType } | { readonly unordered: string }

function sqliteType(collation: string | undefined): SortType {
  const name = collation?.toLowerCase()
  if (name === 'nocase') return 'sqlite-nocase'
  return name === 'rtrim' ? 'sqlite-rtrim' : 'sqlite'
}

async function postgresTypes(plan: RowPlan, params: Params, ask: AskShard): Promise<readonly KeyType[]> {
  const text = `select * from (${shardText(plan)}) as q`
  const { fields } = await ask(`${text} limit 0`, params)
  const oids = fields.slice(-plan.order.length).map(({ native }) => Number(Reflect.get(native as object, 'dataTypeID')))
  const texts = plan.order.filter((_, index) => collatable.has(oids[index] ?? 0))
  const collations = texts.length === 0 ? new Map<string, string>() : await postgresCollations(texts, plan, params, ask)
  return plan.order.map(({ name }, index): KeyType => {
    const collation = collations.get(name)
    const type = sortTypeOfPostgres(oids[index] ?? 0, collation)
    if (type !== undefined) return { type }
    return {
      unordered:
        collation === undefined ? `a type with the number ${oids[index]}` : `text in the collation ${collation}`,
    }
  })
}

/** By the name of the key. The server derives the collation from the expression, also where there are no rows. */
async function postgresCollations(
  keys: readonly OrderKey[],
  plan: RowPlan,
  params: Params,
  ask: AskShard,
): Promise<ReadonlyMap<string, string>> {
  const items = keys.map(({ name }) => `pg_collation_for((select ${name} from q limit 1))`)
  // The provider is known from version 15 on; before that it is the C library.
  const own = `(select case when to_jsonb(d)->>'datlocprovider' = 'i' then 'icu' else datcollate end from pg_database d where datname = current_database())`
  const encoding = `current_setting('server_encoding')`
  const { rows } = await ask(`with q as (${shardText(plan)}) select ${[...items, own, encoding].join(', ')}`, params)
  const [row = []] = rows
  const isUtf8 = row.at(-1) === 'UTF8'
  const database = textOf(row.at(-2))
  return new Map(
    keys.map(({ name }, index) => {
      const written = textOf(row[index]).replaceAll('"', '')
      const collation = written.slice(written.lastIndexOf('.') + 1)
      const meant = collation === 'default' ? database : collation
      // The locales of the C library that compare by code points.
      return [name, isUtf8 && /^C(?:\.utf-?8)?$|^POSIX$/i.test(meant) ? 'C' : meant]
    }),
  )
}

async function mysqlTypes(plan: RowPlan, params: Params, ask: AskShard): Promise<readonly KeyType[]> {
  const text = shardText(plan)
  const { fields } = await ask(`(${text}) limit 0`, params)
  const keys = fields.slice(-plan.order.length).map(({ native }) => native as MysqlField)
  // Columns of one name may not be in one table, so all get other names; and a row is needed also where there is none.
  const names = fields.map((_, index) => `s${index}`)
  const items = names
    .slice(-plan.order.length)
    .map((name) => `(select collation(${name}) from (select 1) one left join q on true limit 1)`)
  const { rows } = await ask(`with q(${names.join(', ')}) as (${text}) select ${items.join(', ')}`, params)
  const [row = []] = rows
  return keys.map((native, index): KeyType => {
    const collation = typeof row[index] === 'string' ? row[index] : undefined
    const type = sortTypeOfMysql(native, collation)
    return type === undefined
      ? { unordered: `text or another type in the collation ${collation ?? 'unknown'}` }
      : { type }
  })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function describe(type: KeyType | undefined): string {
  if (type === undefined) return 'unknown'
  return 'type' in type ? type.type : type.unordered
}

function unordered({ expression }: OrderKey, index: number, said: string): CannotScatterError {
  return new CannotScatterError(
    'ORDER BY',
    `The rows of the shards are sorted by ${expression} (key ${index + 1}), which is ${said === '' ? 'of an unknown type' : said}: ` +
      'only a server can compare that. Sort by a number, a date, or text in a bytewise collation (COLLATE "C" on PostgreSQL, ' +
      'utf8mb4_bin on MariaDB), or name one shard.',
  )
}
