import type { Database, Engine, Scope, TableName } from '../index.ts'
import { quoted } from './row-facts.ts'

/** What an engine says of the size of a table without counting. What it does not know is `null`. */
export interface TableSize {
  /** On disk, with its indexes. */
  readonly bytes: number | null
  /** By the statistics that were gathered last. */
  readonly estimatedRows: number | null
}

type Question = (scope: Scope, table: TableName, database: Database) => Promise<TableSize>

type Numeric = number | string | bigint | null

const postgres: Question = async (scope, table) => {
  // A partitioned table is as large as its partitions. -1 row: never analysed.
  const { rows } = await scope.query<{ bytes: Numeric; estimate: Numeric }>(
    `select sum(pg_total_relation_size(c.oid)) as bytes,
        cast(sum(c.reltuples) filter (where c.reltuples >= 0 and c.relkind <> 'p') as bigint) as estimate
      from pg_catalog.pg_class c
      where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))`,
    [quoted(table, 'postgres')],
  )
  return { bytes: numberOf(rows[0]?.bytes), estimatedRows: numberOf(rows[0]?.estimate) }
}

const mysql: Question = async (scope, { name }, { schema }) => {
  const { rows } = await scope.query<{ bytes: Numeric; estimate: Numeric }>(
    `select data_length + index_length as bytes, table_rows as estimate
      from information_schema.tables where table_schema = coalesce(?, database()) and table_name = ?`,
    [schema ?? null, name],
  )
  return { bytes: numberOf(rows[0]?.bytes), estimatedRows: numberOf(rows[0]?.estimate) }
}

const sqlite: Question = async (scope, { name }) => {
  const sizes = await orNothing<{ bytes: Numeric }>(
    scope,
    'select sum(pgsize) as bytes from dbstat where name in (select name from sqlite_schema where tbl_name = ?)',
    name,
  )
  const statistics = await orNothing<{ stat: string | null }>(
    scope,
    'select stat from sqlite_stat1 where tbl = ?',
    name,
  )
  // The first number of each index: how many rows it has. A partial index has fewer.
  const counts = statistics.map(({ stat }) => Number.parseInt(stat ?? '', 10)).filter(Number.isFinite)
  return { bytes: numberOf(sizes[0]?.bytes), estimatedRows: counts.length === 0 ? null : Math.max(...counts) }
}

/** `dbstat` is not in every build of SQLite, and `sqlite_stat1` not there before the first ANALYZE. */
async function orNothing<Row>(scope: Scope, sql: string, table: string): Promise<readonly Row[]> {
  try {
    return (await scope.query<Row>(sql, [table])).rows
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such table')) return []
    throw error
  }
}

/** The question of every engine. */
export const tableSize: Readonly<Record<Engine, Question>> = { postgres, mysql, sqlite }

function numberOf(value: Numeric | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}
