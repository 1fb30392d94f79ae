import { type TokenList, tokenType } from '../../statement/shallow/token-list.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'
import type { ShadowDialect, ShadowStep } from '../shadow-dialect.ts'
import { refusal } from '../refusal.ts'
import { deferral, quote, schemas, text } from './names.ts'
import type { ForeignConstraint, PostgresTable } from './postgres-table.ts'

interface PlacedKey extends ForeignConstraint {
  /** Its name in SQL, with its schema. */
  readonly called: string
}

/**
 * SET CONSTRAINTS. Foreign keys of local rows can all be deferred, for the sake of copies: only those that can be in the base are. What is
 * set is kept in a setting, too, for the engine does not tell it. `undefined`: the statement runs as it is.
 */
export function constraintsStep(
  tokens: TokenList,
  catalogue: ShadowCatalogue,
  placeOf: ShadowDialect['placeOf'],
): ShadowStep | undefined {
  const tables = catalogue.tables as readonly PostgresTable[]
  const mode = tokens.word(tokens.word(tokens.length - 1) === ';' ? tokens.length - 2 : tokens.length - 1)
  if (mode !== 'DEFERRED' && mode !== 'IMMEDIATE') return undefined
  const keys = tables.flatMap((table) => placedKeys(table))
  if (tokens.word(2) === 'ALL') {
    const never = keys.filter(({ isDeferrable }) => !isDeferrable).map(({ called }) => called)
    const set = `SELECT set_config('${deferral}', ${text(JSON.stringify({ '*': mode }))}, true)`
    if (mode === 'IMMEDIATE' || never.length === 0) return { sql: tokens.sql, touches: [withoutParameters(set)] }
    return {
      sql: `SET CONSTRAINTS ${never.join(', ')} IMMEDIATE`,
      touches: [withoutParameters(tokens.sql), withoutParameters(set)],
    }
  }
  const named = namedConstraints(tokens, placeOf)
  if (named === undefined) return undefined
  const places = named.flatMap((name) => {
    const found = keys.filter((key) => key.name === name)
    if (found.some(({ isDeferrable }) => !isDeferrable))
      throw refusal(catalogue, `constraint "${name}" is not deferrable.`)
    const called = found.length > 0 ? found.map((key) => key.called) : otherKeys(name, tables)
    return called.length > 0 ? called : [quote(name)]
  })
  const modes = text(JSON.stringify(Object.fromEntries(named.map((name) => [name, mode]))))
  const set = `SELECT set_config('${deferral}', (coalesce(nullif(current_setting('${deferral}', true), ''), '{}')::jsonb || ${modes}::jsonb)::text, true)`
  return { sql: `SET CONSTRAINTS ${[...new Set(places)].join(', ')} ${mode}`, touches: [withoutParameters(set)] }
}

/** An expression: the foreign keys of these tables that are proved at once in this transaction, as SET CONSTRAINTS takes them; or ''. */
export function promptKeys(tables: Iterable<PostgresTable>): string {
  const keys = [...tables].flatMap((table) => placedKeys(table))
  const byDefault = [...new Set(keys.filter(({ isDeferred }) => !isDeferred).map(({ called }) => called))].join(', ')
  const facts = keys.map(({ name, called, isDeferrable, isDeferred }) => ({ name, called, isDeferrable, isDeferred }))
  return (
    `CASE WHEN coalesce(current_setting('${deferral}', true), '') = '' THEN ${text(byDefault)} ` +
    `ELSE ${schemas.merged}.prompt_keys(${text(JSON.stringify(facts))}) END`
  )
}

/** What `promptKeys` calls where modes were set. */
export function promptKeysFunction(): string {
  const mode = `current_setting('${deferral}')::jsonb`
  return `CREATE FUNCTION ${schemas.merged}.prompt_keys(keys jsonb) RETURNS text LANGUAGE sql AS $signalbox$
    SELECT coalesce(string_agg(DISTINCT k ->> 'called', ', '), '') FROM jsonb_array_elements(keys) AS k
    WHERE NOT (k -> 'isDeferrable')::boolean OR coalesce(${mode} ->> (k ->> 'name'), ${mode} ->> '*',
      CASE WHEN (k -> 'isDeferred')::boolean THEN 'DEFERRED' END) IS DISTINCT FROM 'DEFERRED' $signalbox$`
}

function placedKeys(table: PostgresTable): readonly PlacedKey[] {
  return table.foreignConstraints.map((key) => ({ ...key, called: besideOf(table, key.name) }))
}

/** The foreign keys of a table's local rows, as SET CONSTRAINTS takes them. */
export function keysOf(table: PostgresTable): readonly string[] {
  return placedKeys(table).map(({ called }) => called)
}

/** A constraint is in the schema of its table. */
function besideOf({ name, place, stored }: PostgresTable, constraint: string): string {
  return stored.slice(0, stored.length - quote(place?.name ?? name).length) + quote(constraint)
}

/** Unique keys can be deferred, too. */
function otherKeys(name: string, tables: readonly PostgresTable[]): readonly string[] {
  const starts = [`CONSTRAINT ${quote(name)} `, `CONSTRAINT ${name} `]
  return tables
    .filter(({ constraints }) => constraints.some((sql) => starts.some((start) => sql.startsWith(start))))
    .map((table) => besideOf(table, name))
}

/** Behind `SET CONSTRAINTS`; `undefined` where another schema is named. */
function namedConstraints(tokens: TokenList, placeOf: ShadowDialect['placeOf']): readonly string[] | undefined {
  const found: string[] = []
  for (let at = 2; ; at++) {
    if (tokens.word(at + 1) === '.') {
      if (placeOf(nameAt(tokens, at)) !== 'shown') return undefined
      at += 2
    }
    found.push(nameAt(tokens, at))
    if (tokens.word(++at) !== ',') return found
  }
}

function nameAt(tokens: TokenList, at: number): string {
  const name = tokens.unquoted(at)
  return tokens.type(at) === tokenType.quotedName ? name : name.toLowerCase()
}

function withoutParameters(sql: string): ShadowStep['touches'][number] {
  return { sql, positions: [], names: [] }
}
