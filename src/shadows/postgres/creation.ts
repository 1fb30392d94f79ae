import { quote, names, schemas, text, within } from './names.ts'
import { commonFunctions, tableTriggers, viewSql } from './overlay.ts'
import type { PlannedRelation } from './plan-tables.ts'
import type { BaseSchema, PostgresColumn, PostgresTable } from './postgres-table.ts'

/** The name under which postgres_fdw knows the base. */
export const serverName = 'signalbox_base'

/** The record of what a shadow keeps. */
export const recordTable = `${schemas.merged}.shadow_table`

/** Statements that make a shadow, in one transaction. */
export interface Creation {
  /** In this order. */
  readonly statements: readonly string[]
  /** In any order that works: each may need others of them. Those that do not work are left out. */
  readonly functions: readonly string[]
  readonly views: readonly { readonly name: string; readonly query: string }[]
  /** Behind all of them. */
  readonly last: readonly string[]
}

/** Pure. The server and the user of postgres_fdw are there already, and the own schemas. */
export function creationOf(base: BaseSchema, planned: readonly PlannedRelation[]): Creation {
  const shown = quote(base.name)
  const kept = planned.flatMap(({ table }) => table ?? [])
  const byName = new Map(kept.filter(({ storage }) => storage !== 'replace').map((table) => [table.name, table]))
  const stored = ({ name, storage }: PostgresTable): string =>
    storage === 'replace' ? `${shown}.${quote(name)}` : within('local', name)
  const readable = planned.filter(({ relation, table }) => relation.kind !== 'view' && table?.storage !== 'replace')
  return {
    functions: base.functions,
    statements: [
      ...base.sequences.flatMap((sequence) => [
        `CREATE SEQUENCE ${shown}.${quote(sequence.name)} ${sequence.options}`,
        ...continuedAt(text(`${shown}.${quote(sequence.name)}`), sequence.last),
      ]),
      ...kept.filter(({ storage }) => storage === 'augment').map(parentSql),
      ...readable.map(({ relation, table }) => foreignSql(relation.facts.declared, relation.name, base.name, table)),
      ...kept.map((table) => localSql(table, stored(table))),
      ...kept.flatMap((table) => table.constraints.map((sql) => `ALTER TABLE ${stored(table)} ADD ${sql}`)),
      ...kept.flatMap((table) => table.indexes),
      ...kept.flatMap((table) => table.foreignConstraints.map(({ sql }) => `ALTER TABLE ${stored(table)} ADD ${sql}`)),
      ...kept.filter(({ storage }) => storage !== 'replace').flatMap(originalSql),
      ...kept.flatMap((table) => numbersSql(table, stored(table), shown)),
      ...commonFunctions(),
      ...readable.map(({ relation, table }) =>
        viewSql(`${shown}.${quote(relation.name)}`, table ?? mereView(relation.facts), false),
      ),
      ...kept.flatMap((table) => tableTriggers(table, stored(table), shown, byName)),
      ...kept
        .filter(({ storage }) => storage === 'augment')
        .map(({ name }) => `CREATE VIEW ${within('asleep', name)} AS SELECT 1 AS asleep`),
    ],
    views: planned.flatMap(({ relation }) =>
      relation.query === null ? [] : [{ name: relation.name, query: relation.query }],
    ),
    last: planned.map((each) => recordSql(each, shown)),
  }
}

function mereView(facts: PlannedRelation['relation']['facts']): PostgresTable {
  return { ...facts, storage: 'mirror', baseColumns: [] }
}

function typed({ name, type, collation }: PostgresColumn): string {
  return `${quote(name)} ${type}${collation === null ? '' : ` COLLATE ${collation}`}`
}

function parentSql({ name, declared }: PostgresTable): string {
  return `CREATE TABLE ${within('merged', name)} (${declared.map(typed).join(', ')})`
}

function foreignSql(
  declared: readonly PostgresColumn[],
  name: string,
  schema: string,
  table: PostgresTable | undefined,
): string {
  const inherits = table?.storage === 'augment' ? ` INHERITS (${within('merged', name)})` : ''
  return (
    `CREATE FOREIGN TABLE ${within('base', name)} (${declared.map(typed).join(', ')})${inherits} SERVER ${serverName} ` +
    `OPTIONS (schema_name ${text(schema)}, table_name ${text(name)})`
  )
}

function localSql({ name, declared, storage }: PostgresTable, stored: string): string {
  const inherits = storage === 'augment' ? ` INHERITS (${within('merged', name)})` : ''
  return `CREATE TABLE ${stored} (${declared.map(declaration).join(', ')})${inherits}`
}

function declaration(column: PostgresColumn): string {
  const { identity, isGenerated, preset, notNull } = column
  const given = isGenerated
    ? ` GENERATED ALWAYS AS (${preset ?? 'NULL'}) STORED`
    : identity !== ''
      ? ` GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`
      : preset === null
        ? ''
        : ` DEFAULT ${preset}`
  return `${typed(column)}${given}${notNull ? ' NOT NULL' : ''}`
}

/** Rows of the base as they were copied. What they are looked for by is what the base's rows are. */
function originalSql({ name, declared, primaryKey, keys }: PostgresTable): readonly string[] {
  const columns = declared.map((column) =>
    column.isGenerated ? `${typed(column)} GENERATED ALWAYS AS (${column.preset ?? 'NULL'}) STORED` : typed(column),
  )
  const original = within('original', name)
  const indexed = keys
    .filter(({ isPrimary }) => !isPrimary)
    .map(
      ({ expressions, predicate }) =>
        `(${expressions.map((sql) => `(${sql})`).join(', ')})${predicate === null ? '' : ` WHERE ${predicate}`}`,
    )
  return [
    `CREATE TABLE ${original} (${columns.join(', ')}, PRIMARY KEY (${names(primaryKey)}))`,
    ...indexed.map((index) => `CREATE INDEX ON ${original} ${index}`),
  ]
}

function numbersSql(table: PostgresTable, stored: string, shown: string): readonly string[] {
  return table.numbers.flatMap(({ column, sequence, last }) =>
    continuedAt(
      sequence === null
        ? `pg_get_serial_sequence(${text(stored)}, ${text(column)})`
        : text(`${shown}.${quote(sequence)}`),
      last,
    ),
  )
}

function continuedAt(sequence: string, last: string | null): readonly string[] {
  return last === null ? [] : [`SELECT setval(${sequence}, ${last})`]
}

function recordSql({ relation, kind, table }: PlannedRelation, shown: string): string {
  const awake = table?.storage === 'augment' ? text(viewSql(`${shown}.${quote(relation.name)}`, table, true)) : 'NULL'
  const facts = text(JSON.stringify(table ?? relation.facts))
  return (
    `INSERT INTO ${recordTable} (name, type, kind, facts, awake) ` +
    `VALUES (${text(relation.name)}, '${relation.kind}', '${kind}', ${facts}, ${awake})`
  )
}
