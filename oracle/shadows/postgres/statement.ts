import type { Choices } from '../../choices.ts'
import { deleteText, insertText, target, totalOrder, updateText } from '../change-text.ts'
import { condition, type Scope } from '../condition.ts'
import type { ModelTable, PlayedStatement, ShadowWorld } from '../model.ts'
import { type ReadText, readText } from '../read-text.ts'
import { addColumnText } from './add-column-text.ts'
import { PostgresTextMaker } from './text-maker.ts'

/** A statement about a world's tables, in the dialect of PostgreSQL. */
export function postgresStatement(
  world: ShadowWorld,
  choices: Choices,
  way: number,
  inTransaction: boolean,
): PlayedStatement {
  const make = new PostgresTextMaker(choices)
  const { tables } = world
  const table = choices.pick(tables)
  // Without a savepoint, an error ends the transaction.
  const isGuarded = inTransaction && !choices.chance(8)
  const plain = { params: [], ordered: false, refused: false, numbersRows: false, isGuarded }
  if (inTransaction && way % 12 === 11)
    return {
      ...plain,
      sql: `set constraints all ${choices.pick(['deferred', 'immediate'])}`,
      isGuarded: false,
      isChange: false,
      form: 'set constraints',
    }
  if (way % 6 === 5) {
    const { sql, ordered } = choices.chance(25) ? ownRead(make, world, table) : readText(make, world)
    return { ...plain, ...make.finish(sql), ordered, isChange: false, form: 'select' }
  }
  if (way % 25 === 24) {
    const sql = truncateText(make, tables, table)
    return { ...plain, sql, isChange: true, isOfMany: true, form: 'truncate' }
  }
  if (way === 27 || way === 57) {
    const { sql, becomes } = addColumnText(make, world, table)
    return { ...plain, sql, isChange: false, isOfMany: true, form: 'add column', becomes }
  }
  if (way % 20 === 13)
    return {
      ...plain,
      ...make.finish(usingText(make, tables, table)),
      isChange: true,
      isOfMany: true,
      form: 'delete using',
    }
  if (way % 50 === 31)
    return {
      ...plain,
      ...make.finish(changingText(make, tables, table)),
      isChange: true,
      isOfMany: true,
      form: 'with changes',
    }
  const text = ([insertText, updateText, deleteText, updateText, insertText] as const)[way % 5]!
  const finished = make.finish(text(make, tables, table))
  // The first change that leads to another table wakes that, and runs once more; so does one that meets a key which waits.
  const isOfMany = text !== insertText || /\), \(|\bselect\b/.test(finished.sql)
  const isReferred = tables.some(({ foreignKeys }) => foreignKeys.some((key) => key.table === table.name))
  const mayUseMore = isReferred || table.foreignKeys.length > 0 || table.waits === true
  return { ...plain, ...finished, isChange: true, mayUseMore, isOfMany, form: text.name.replace('Text', '') }
}

/** Reads that SQLite does not have: grouped by a key, locking, with a window, by several. */
function ownRead(make: PostgresTextMaker, { tables }: ShadowWorld, table: ModelTable): ReadText {
  const { choices } = make
  const scope: Scope = { make, tables, table, prefix: 'x.', sure: 'x.' }
  const name = make.name(table.name)
  const where = condition(scope)
  const from = `${name} x${where === undefined ? '' : ` where ${where}`}`
  const order = totalOrder(make, table, 'x.')
  const key = table.primaryKey.map((column) => `x.${make.name(column)}`).join(', ')
  const other = choices.pick(tables)
  const way = choices.below(5)
  if (way === 0)
    return { sql: `select x.*, count(*) as n from ${from} group by ${key} order by ${order}`, ordered: true }
  if (way === 1)
    return {
      sql: `select ${key} from ${from} order by ${order} for ${choices.pick(['update', 'share', 'no key update', 'key share'])}`,
      ordered: true,
    }
  if (way === 2)
    return {
      sql: `select ${key}, row_number() over (order by ${order}) as place, count(*) over () as n from ${from} order by ${order}`,
      ordered: true,
    }
  if (way === 3)
    return {
      sql: `select distinct on (${key}) x.*, l.n from ${name} x, lateral (select count(*) as n from ${make.name(other.name)} y where y.*::text > x.*::text) l order by ${key}`,
      ordered: true,
    }
  return {
    sql: `with recursive r (n) as (select count(*) from ${from} union all select n - 1 from r where n > 0) select n from r order by n`,
    ordered: true,
  }
}

function truncateText(make: PostgresTextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const { choices } = make
  const more = choices.chance(40) ? tables.filter((each) => each !== table) : []
  const names = [table, ...more].map(({ name }) => make.name(name)).join(', ')
  return `truncate ${choices.pick(['', 'table '])}${names}${choices.pick(['', ' restart identity', ' continue identity'])}${choices.pick(['', ' cascade', ' cascade', ' restrict'])}`
}

function usingText(make: PostgresTextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const { choices } = make
  const on = target(make, tables, table)
  const other = choices.pick(tables)
  const link = table.foreignKeys.find((key) => key.table === other.name)
  const met =
    link?.columns
      .map((column, i) => `u.${make.name(link.referenced[i]!)} = ${on.own}.${make.name(column)}`)
      .join(' and ') ??
    condition({ make, tables, table: other, prefix: 'u.', sure: 'u.' }) ??
    'true'
  const more = condition({ ...on.scope, prefix: `${on.own}.` })
  const returning = choices.chance(35) ? ` returning ${on.own}.*` : ''
  return `delete from ${choices.pick(['', '', 'only '])}${on.text} using ${make.name(other.name)} ${choices.pick(['', 'as '])}u where ${met}${more === undefined ? '' : ` and (${more})`}${returning}`
}

/** Rows that one change gives to another. */
function changingText(make: PostgresTextMaker, tables: readonly ModelTable[], table: ModelTable): string {
  const { choices } = make
  const other = choices.pick(tables)
  const gone = deleteText(make, tables, other).replace(/ returning .*$/, '')
  const key = make.name(table.primaryKey[0]!)
  return `with gone as (${gone} returning 1 as one) update ${make.name(table.name)} set ${key} = ${key} where (select count(*) from gone) > 0`
}
