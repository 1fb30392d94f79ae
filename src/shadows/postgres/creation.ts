import { calledBy, markOf, names, quote, text, within } from './names.ts'
import { commonFunctions, tableTriggers, viewSql } from './overlay.ts'
import type { PlannedRelation } from './plan-tables.ts'
import { recordTable } from './shadow-record.ts'
import type { BaseSchema, PostgresColumn, PostgresFacts, PostgresTable } from './postgres-table.ts'

/** The name under which postgres_fdw knows the base. */
export const serverName = 'signalbox_base'

/** Statements that make a shadow, in one transaction. */
export interface Creation {
  /** Without what their rows must keep to. */
  readonly tables: readonly string[]
  /** Constraints, views and triggers, behind them. */
  readonly rules: readonly string[]
  /** In any order that works: each may need others of them. Those that do not work are left out. */
  readonly functions: readonly string[]
  readonly views: readonly { readonly name: string; readonly query: string }[]
  /** Behind all of them. */
  readonly last: readonly string[]
}

/** What is there already: names of replaced tables, and sequences as SQL. */
type There = Readonly<Record<'tables' | 'sequences', ReadonlySet<string>>>

/** Pure. The server and the user of postgres_fdw are there already, and the own schemas. */
export function creationOf(base: BaseSchema, planned: readonly PlannedRelation[], there: There): Creation {
  const kept = planned.flatMap(({ table }) => table ?? [])
  const byName = new Map(kept.filter(({ storage }) => storage !== 'replace').map((table) => [table.name, table]))
  const all = new Map(kept.map((table) => [table.name, table]))
  const fresh = kept.filter(({ name }) => !there.tables.has(name))
  const readable = planned.filter(({ relation }) => relation.kind !== 'view')
  return {
    functions: base.functions,
    tables: [
      ...base.sequences
        .filter(({ name }) => !there.sequences.has(name))
        .flatMap(({ name, options, last }) => [`CREATE SEQUENCE ${name} ${options}`, ...continuedAt(text(name), last)]),
      ...kept.filter(({ storage }) => storage === 'augment').map(parentSql),
      ...readable.map(({ relation, table }) => foreignSql(relation.facts, base.main, table)),
      ...fresh.map(localSql),
      ...kept.filter(({ storage }) => storage !== 'replace').flatMap(originalSql),
    ],
    rules: [
      ...fresh.flatMap(({ constraints, stored }) => constraints.map((sql) => `ALTER TABLE ${stored} ADD ${sql}`)),
      ...fresh.flatMap(({ indexes, stored }) => indexes.map(({ before, behind }) => `${before}${stored}${behind}`)),
      ...kept.flatMap((table) =>
        table.foreignKeys.flatMap((key, place) =>
          there.tables.has(table.name) && there.tables.has(key.table)
            ? []
            : [`ALTER TABLE ${table.stored} ADD ${foreignKeySql(table, place, all)}`],
        ),
      ),
      ...kept.flatMap(numbersSql),
      ...commonFunctions(),
      ...readable
        .filter(({ table }) => table?.storage !== 'replace')
        .map(({ relation, table }) => viewSql(table ?? relation.facts, false)),
      ...kept.flatMap((table) => tableTriggers(table, byName)),
      ...kept
        .filter(({ storage }) => storage === 'augment')
        .map((table) => `CREATE VIEW ${within('asleep', table)} AS SELECT 1 AS asleep`),
    ],
    views: planned.flatMap(({ relation }) =>
      relation.query === null ? [] : [{ name: relation.facts.shown, query: relation.query }],
    ),
    last: planned.map(recordSql),
  }
}

/** A foreign key as `ADD CONSTRAINT` takes it. `kept`: by name, the tables that it may refer to. */
export function foreignKeySql(
  { foreignKeys, foreignConstraints }: PostgresTable,
  place: number,
  kept: ReadonlyMap<string, PostgresTable>,
): string {
  const parent = kept.get(foreignKeys[place]?.table ?? '')
  const constraint = foreignConstraints[place]
  if (parent === undefined || constraint === undefined)
    throw new Error('a foreign key leads to a table that is not kept')
  return `${constraint.before}${parent.stored}${constraint.behind}`
}

/** A column without what its values must keep to. */
export function typed({ name, type, collation }: PostgresColumn): string {
  return `${quote(name)} ${type}${collation === null ? '' : ` COLLATE ${collation}`}`
}

function parentSql(table: PostgresTable): string {
  return `CREATE TABLE ${within('merged', table)} (${table.declared.map(typed).join(', ')})`
}

function foreignSql(facts: PostgresFacts, main: string, table: PostgresTable | undefined): string {
  const inherits = table?.storage === 'augment' ? ` INHERITS (${within('merged', table)})` : ''
  const { schema, name } = calledBy(facts, main)
  return (
    `CREATE FOREIGN TABLE ${within('base', facts)} (${facts.declared.map(typed).join(', ')})${inherits} SERVER ${serverName} ` +
    `OPTIONS (schema_name ${text(schema)}, table_name ${text(name)})`
  )
}

function localSql(table: PostgresTable): string {
  const inherits = table.storage === 'augment' ? ` INHERITS (${within('merged', table)})` : ''
  return `CREATE TABLE ${table.stored} (${[...table.declared, ...(table.own ?? [])].map(declaration).join(', ')})${inherits}`
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
function originalSql(table: PostgresTable): readonly string[] {
  const { declared, own = [], primaryKey, keys } = table
  const columns = [
    ...declared.map((column) =>
      column.isGenerated ? `${typed(column)} GENERATED ALWAYS AS (${column.preset ?? 'NULL'}) STORED` : typed(column),
    ),
    ...own.map((column) => `${typed(column)} DEFAULT CAST(${column.fill} AS ${column.type})`),
  ]
  const original = within('original', table)
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

function numbersSql({ numbers, stored }: PostgresTable): readonly string[] {
  return numbers.flatMap(({ column, sequence, last }) =>
    continuedAt(sequence === null ? `pg_get_serial_sequence(${text(stored)}, ${text(column)})` : text(sequence), last),
  )
}

function continuedAt(sequence: string, last: string | null): readonly string[] {
  return last === null ? [] : [`SELECT setval(${sequence}, ${last})`]
}

function recordSql({ relation, kind, table }: PlannedRelation): string {
  const [awake, mark] =
    table?.storage === 'augment'
      ? [text(viewSql(table, true)), `ARRAY[${markOf(table).map(text).join(', ')}]`]
      : ['NULL', 'NULL']
  const facts = text(JSON.stringify(table ?? relation.facts))
  return (
    `INSERT INTO ${recordTable} (name, type, kind, facts, awake, mark) ` +
    `VALUES (${text(relation.facts.name)}, '${relation.kind}', '${kind}', ${facts}, ${awake}, ${mark})`
  )
}
