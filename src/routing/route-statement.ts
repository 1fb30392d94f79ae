import {
  NoRouteError,
  RouterAnswerError,
  TableNotAllowedError,
  UnknownDatabaseError,
  UnsupportedError,
} from '../errors.ts'
import type { Analysis, FunctionUse } from '../statement/analysis.ts'
import type { Dialect, Statement } from '../statement/statement.ts'
import type { TableMap, TableName } from '../topology/table-map.ts'
import type { Database, Topology } from '../topology/topology.ts'
import { analysedStatement } from './analysed-statement.ts'
import type { FunctionSafety } from '../statement/function-catalogue.ts'
import { effectOf } from './effect.ts'
import { defaultDatabase, isSystemTable, locateTables, nameOf, type TableLocation } from './home.ts'
import { LookupMap } from './lookups/lookup.ts'
import { lookupUse, type LookupUse } from './lookups/lookup-plan.ts'
import { migrationPermission, residencePermission, routerName } from './migrate.ts'
import { relate } from './relation.ts'
import { decideRole, type Surrounding } from './role.ts'
import type { Reason, Route } from './route.ts'
import type { Hints, PartialRoute, Router } from './router.ts'
import { shadowReasons } from './shadow-reasons.ts'
import { shardPlan, type ShardPlan } from './shards/shard-plan.ts'
import { forbiddenBecause, guardReasons } from './write-guard.ts'

/** Everything that routing looks at. It does no I/O and reads no clock: the same input gives an equal route. */
export interface RouteInput {
  readonly statement: Statement
  /** The analysis of the text in a dialect. */
  readonly analysisIn: (dialect: Dialect) => Analysis
  readonly topology: Topology
  readonly tables: TableMap
  readonly lookups?: LookupMap | undefined
  readonly routers: readonly Router[]
  readonly safetyOf: (database: Database, fn: FunctionUse) => FunctionSafety
  /** The database that an alias, a data source name, a pool or a handle means; throws for what is none of them. */
  readonly resolve: (target: unknown) => Database
  /** An explicit choice, which beats all routers and declarations. */
  readonly using?: unknown
  readonly hints?: Hints | undefined
  /** The dialect that the text is written in, if known. */
  readonly dialect?: Dialect | undefined
  /** What a comment of the text has had a say in. */
  readonly said?: Reason | undefined
  /** What the statement is part of. Default `autocommit`. */
  readonly surrounding?: Surrounding | undefined
}

/** A route together with what it was made from. */
export interface RoutedStatement {
  readonly route: Route
  readonly database: Database
  readonly analysis: Analysis
  /** Where each table lives; for messages about transactions. */
  readonly locations: readonly TableLocation[]
  /** Only replicas with all these tags, if a router said so. */
  readonly tags: readonly string[]
  /** Where the database has several shards: which of them it needs; the route names all of them until that is settled. */
  readonly plan?: ShardPlan | undefined
  /** The shard that a router asked for. */
  readonly askedShard?: string | undefined
  /** What it does to columns that are looked up. */
  readonly lookupUse?: LookupUse | undefined
  /** Why it must not run, since a database that it would write to takes no writes. */
  readonly forbidden?: string | undefined
}

const noLookups = new LookupMap([])

interface Choice {
  readonly database: Database
  readonly analysis: Analysis
  readonly locations: readonly TableLocation[]
  readonly reasons: readonly Reason[]
  readonly sql?: string
  readonly partial?: PartialRoute
}

/** The one decision about a statement: database, shards, role, effect, and every reason. */
export function routeStatement(input: RouteInput): RoutedStatement {
  const choice = settleDialect(input)
  const { database, analysis, locations } = choice
  const migration = checkTables(choice, input)
  const { effect, reason } = effectOf(analysis, (fn) => input.safetyOf(database, fn))
  const said = input.said === undefined ? [] : [input.said]
  const shown = shadowReasons(database, analysis, input.tables)
  const { role, reason: roleReason } = decideRole(database, effect, input.surrounding ?? 'autocommit', choice.partial)
  const route: Route = Object.freeze({
    database: database.alias,
    engine: database.engine,
    shards: Object.freeze(database.shards.map(({ name }) => name)),
    role,
    effect,
    reasons: Object.freeze(
      [...said, ...choice.reasons, ...shown, ...migration, ...guardReasons(database), reason, roleReason].map((each) =>
        Object.freeze(each),
      ),
    ),
    ...(choice.sql === undefined ? {} : { sql: choice.sql }),
  })
  const homeOf = (table: TableName): Database => homeIn(table, choice, input)
  const forbidden = forbiddenBecause({ database, analysis, effect, why: reason.text, homeOf })
  const routed = { route, database, analysis, locations, tags: choice.partial?.tags ?? [], forbidden }
  const askedShard = checkShard(database, choice.partial)
  if (database.shards.length === 1) return routed
  const { tables, lookups = noLookups } = input
  const { sql } = input.statement
  const about = { sql, analysis, effect, database: database.alias, tables, lookups }
  return { ...routed, plan: shardPlan(about), askedShard, lookupUse: lookupUse(about) }
}

/**
 * Which dialect a text is written in depends on the database it goes to, and the other way round. So each dialect of
 * the topology is tried, the default database's first, until a text that was understood leads to a database that
 * speaks the dialect it was read in.
 *
 * A refusal counts like an answer: that of a reading which understood the text stands, that of one which did not is a
 * last resort, for a reading in a wrong dialect may see tables that are none, or none at all.
 */
function settleDialect(input: RouteInput): Choice {
  if (input.using !== undefined) {
    const database = input.resolve(input.using)
    return explicitChoice(database, input.analysisIn(input.dialect ?? database.engine), input)
  }
  const candidates = input.dialect === undefined ? dialectsOf(input.topology) : [input.dialect]
  let refusal: { readonly error: unknown } | undefined
  let vagueRefusal: { readonly error: unknown } | undefined
  let consistent: Choice | undefined
  let inconsistent: Choice | undefined
  for (const dialect of candidates) {
    const analysis = input.analysisIn(dialect)
    let choice: Choice
    try {
      choice = chooseDatabase(analysis, input)
    } catch (error) {
      if (isUnderstood(analysis)) refusal ??= { error }
      else vagueRefusal ??= { error }
      continue
    }
    if (input.dialect === undefined && choice.database.engine !== dialect) inconsistent ??= choice
    else if (!isUnderstood(choice.analysis)) consistent ??= choice
    else if (refusal === undefined) return choice
  }
  if (refusal !== undefined) throw refusal.error
  const choice = consistent ?? inconsistent
  if (choice !== undefined) return choice
  throw vagueRefusal === undefined ? new NoRouteError('No database is declared.') : vagueRefusal.error
}

function isUnderstood(analysis: Analysis): boolean {
  return analysis.complete && analysis.kind !== 'unknown'
}

/** The dialects of the databases, the default one's first. */
export function dialectsOf(topology: Topology): readonly Dialect[] {
  const engines = new Set<Dialect>()
  const fallback = topology.databases.get(defaultDatabase(topology) ?? '')
  if (fallback !== undefined) engines.add(fallback.engine)
  for (const database of topology.databases.values()) engines.add(database.engine)
  return [...engines]
}

function explicitChoice(database: Database, analysis: Analysis, input: RouteInput): Choice {
  return {
    database,
    analysis,
    locations: locateTables(analysis, input.tables, input.topology).map((location) => ({
      ...location,
      database: database.alias,
    })),
    reasons: [explicitReason(database, input)],
  }
}

function explicitReason(database: Database, input: RouteInput): Reason {
  // Only a transaction or a reserved connection knows the database itself; callers name it.
  return input.using === database
    ? { rule: 'pinned', text: `it names no table, so it stays on "${database.alias}", where its connection is` }
    : { rule: 'using', text: `using("${database.alias}") was asked for` }
}

function chooseDatabase(analysis: Analysis, input: RouteInput): Choice {
  const locations = locateTables(analysis, input.tables, input.topology)
  return askRouters(analysis, locations, input) ?? chooseHome(analysis, locations, input)
}

function askRouters(analysis: Analysis, locations: readonly TableLocation[], input: RouteInput): Choice | undefined {
  if (input.routers.length === 0) return undefined
  const statement = analysedStatement(input.statement, analysis)
  for (const [index, router] of input.routers.entries()) {
    const answer = router.route?.(statement, input.hints ?? {})
    if (answer === undefined || answer === null) continue
    const partial = isPartialRoute(answer) ? answer : undefined
    const name = routerName(router, index)
    const database = resolveAnswer(partial === undefined ? answer : partial.database, name, input)
    return {
      database,
      analysis: input.dialect === undefined ? input.analysisIn(database.engine) : analysis,
      locations: locations.map((location) => ({ ...location, database: database.alias })),
      reasons: [{ rule: 'router', text: `${name} answered "${database.alias}"` }],
      ...(partial === undefined ? {} : { partial }),
    }
  }
  return undefined
}

function isPartialRoute(answer: unknown): answer is PartialRoute {
  return typeof answer === 'object' && answer !== null && 'database' in answer
}

function resolveAnswer(target: unknown, router: string, input: RouteInput): Database {
  if (typeof target !== 'string' && (typeof target !== 'object' || target === null)) {
    throw new RouterAnswerError(
      `${router} answered with ${target === null ? 'null' : `a ${typeof target}`} as the database. ` +
        'A router answers with an alias, a data source name, a pool or handle, { database, … }, or undefined for no opinion.',
    )
  }
  if (target instanceof Promise) {
    // Nobody waits for it: its failure would end the process.
    target.catch(() => undefined)
    throw new RouterAnswerError(`${router} answered with a promise. Routers are synchronous: they do no I/O.`)
  }
  try {
    return input.resolve(target)
  } catch (error) {
    if (error instanceof UnknownDatabaseError || error instanceof UnsupportedError) {
      throw new RouterAnswerError(`${router} answered with a database that there is not: ${error.message}`)
    }
    throw error
  }
}

function chooseHome(analysis: Analysis, locations: readonly TableLocation[], input: RouteInput): Choice {
  const relation = relate(input.statement.sql, analysis, locations, input)
  const [first] = locations
  if (first === undefined) {
    return {
      database: databaseCalled(defaultDatabase(input.topology), 'The statement names no table', input),
      analysis,
      locations,
      reasons: [
        {
          rule: 'default',
          text: analysis.complete
            ? 'no table is named, so the default database answers'
            : 'the text was not understood, so the default database answers',
        },
      ],
    }
  }
  const reason: Reason = { rule: first.declared ? 'home' : 'default', text: describeHomes(locations) }
  return {
    database: databaseCalled(first.database, `No home is declared for the table ${nameOf(first.table)}`, input),
    analysis,
    locations,
    reasons: relation === undefined ? [reason] : [relation.reason],
    ...(relation?.sql === undefined ? {} : { sql: relation.sql }),
  }
}

// One clause for all tables that live in the same database for the same reason.
function describeHomes(locations: readonly TableLocation[]): string {
  const groups = Map.groupBy(locations, ({ database, because }) => `"${database ?? ''}": ${because}`)
  return [...groups]
    .map(([home, members]) => {
      const names = members.map(({ table }) => nameOf(table))
      return `${names.join(', ')} ${names.length === 1 ? 'lives' : 'live'} in ${home}`
    })
    .join('; ')
}

function databaseCalled(alias: string | undefined, why: string, input: RouteInput): Database {
  const database = alias === undefined ? undefined : input.topology.databases.get(alias)
  if (database !== undefined) return database
  throw new NoRouteError(
    `${why}, and there is no default database. Declare the home in \`tables\`, add an alias "default", ` +
      `or say client.using(alias). Declared: ${[...input.topology.aliases.keys()].join(', ')}.`,
  )
}

/** Refuses tables that may not be on the chosen database; gives the reasons of what was allowed for schema changes. */
function checkTables(choice: Choice, input: RouteInput): readonly Reason[] {
  const { analysis } = choice
  const reasons: Reason[] = []
  for (const use of analysis.tables) {
    if (isSystemTable(use, analysis.dialect, input.tables)) continue
    for (const table of input.tables.tablesOfView(use) ?? [use]) {
      const database = residenceOf(table, choice, input)
      const residence = residencePermission(database.alias, table, input)
      if (!residence.allowed) refuse(nameOf(table), 'used', database, residence.reason)
    }
    if (analysis.kind !== 'ddl' || use.access !== 'write') continue
    const database = residenceOf(use, choice, input)
    const permission = migrationPermission(database.alias, use, input)
    if (!permission.allowed) refuse(nameOf(use), 'migrated', database, permission.reason)
    reasons.push({ rule: 'migrate', text: `${nameOf(use)} may be migrated there: ${permission.reason.text}` })
  }
  return reasons
}

/** Where a table of the statement is: on the database that it goes to, unless it is qualified with its own schema. */
function residenceOf({ name, schema }: TableName, { database, locations, sql }: Choice, input: RouteInput): Database {
  return sql === undefined ? database : homeIn({ name, schema }, { database, locations }, input)
}

function homeIn(
  { name, schema }: TableName,
  { database, locations }: Pick<Choice, 'database' | 'locations'>,
  input: RouteInput,
): Database {
  const found = locations.find(({ table }) => table.name === name && table.schema === schema)?.database
  return input.topology.databases.get(found ?? database.alias) ?? database
}

function refuse(table: string, verb: string, database: Database, reason: Reason): never {
  throw new TableNotAllowedError(
    table,
    `The table ${table} may not be ${verb} on "${database.alias}": ${reason.text}. Nothing was sent.`,
    {
      database: database.alias,
    },
  )
}

function checkShard(database: Database, partial: PartialRoute | undefined): string | undefined {
  const shard = partial?.shard
  if (shard === undefined || database.shards.some(({ name }) => name === shard)) return shard
  throw new RouterAnswerError(
    `A router asked for the shard "${shard}" of "${database.alias}", which has: ${database.shards.map(({ name }) => name).join(', ')}.`,
  )
}
