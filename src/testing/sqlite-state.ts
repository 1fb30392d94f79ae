import type { DatabaseSync } from 'node:sqlite'
import { quotedName } from '../statement/quotes.ts'

/**
 * Makes the file of `replica` what the file `source` is, in one transaction: readers see all of it or nothing. Tables,
 * rows, indexes and views; no triggers, since what they do is in the rows already, and nobody writes to a replica.
 *
 * Whole states and not changesets, because SQLite records these only of a connection that one has in hand, and leaves out
 * tables without a primary key and changes of the schema.
 */
export function takeOver(replica: DatabaseSync, source: string): void {
  replica.prepare('attach database ? as source').run(source)
  try {
    replica.exec('begin immediate')
    try {
      if (!hasSameSchema(replica)) remakeSchema(replica)
      for (const table of tablesOf(replica, 'main')) copyRows(replica, table)
      const version = replica.prepare('pragma source.user_version').get()?.['user_version']
      replica.exec(`pragma main.user_version = ${Number(version)}; commit`)
    } catch (error) {
      replica.exec('rollback')
      throw error
    }
  } finally {
    replica.exec('detach database source')
  }
}

interface Table {
  readonly name: string
  readonly isWithoutRowid: boolean
}

/** What a replica has of a schema; the tables that belong to a virtual one are made along with it. */
function definitionsOf(replica: DatabaseSync, schema: 'main' | 'source'): readonly string[] {
  const left = schema === 'source' ? "and type <> 'trigger'" : ''
  return replica
    .prepare(
      `select sql from ${schema}.sqlite_schema where sql is not null and name not like 'sqlite\\_%' escape '\\' ${left}
        and name not in (select name from pragma_table_list where schema = '${schema}' and type = 'shadow') order by rowid`,
    )
    .all()
    .map(({ sql }) => String(sql))
}

function hasSameSchema(replica: DatabaseSync): boolean {
  const [own, wanted] = [definitionsOf(replica, 'main'), definitionsOf(replica, 'source')]
  return own.length === wanted.length && own.every((sql, index) => sql === wanted[index])
}

function remakeSchema(replica: DatabaseSync): void {
  const views = replica.prepare("select name from main.sqlite_schema where type = 'view'").all()
  for (const { name } of views) replica.exec(`drop view main.${quoted(name)}`)
  for (const { name } of tablesOf(replica, 'main')) replica.exec(`drop table main.${quoted(name)}`)
  for (const sql of definitionsOf(replica, 'source')) replica.exec(sql)
}

function tablesOf(replica: DatabaseSync, schema: 'main' | 'source'): readonly Table[] {
  return replica
    .prepare(
      `select name, wr from pragma_table_list where schema = '${schema}' and type in ('table', 'virtual')
        and name not like 'sqlite\\_%' escape '\\'`,
    )
    .all()
    .map(({ name, wr }) => ({ name: String(name), isWithoutRowid: wr === 1 }))
}

function copyRows(replica: DatabaseSync, { name, isWithoutRowid }: Table): void {
  const columns = replica
    .prepare("select name from pragma_table_xinfo(?, 'main') where hidden = 0")
    .all(name)
    .map((column) => String(column['name']))
  const listed = [...(isWithoutRowid ? [] : ['rowid']), ...columns.map(quoted)].join(', ')
  const table = quoted(name)
  replica.exec(`delete from main.${table}; insert into main.${table} (${listed}) select ${listed} from source.${table}`)
}

function quoted(name: unknown): string {
  return quotedName('sqlite', String(name))
}
