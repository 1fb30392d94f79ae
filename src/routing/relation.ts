import { CrossDatabaseQueryError } from '../errors.ts'
import type { Analysis } from '../statement/analysis.ts'
import { quotedName } from '../statement/quotes.ts'
import type { TableMap, TableName } from '../topology/table-map.ts'
import type { Topology } from '../topology/topology.ts'
import { nameOf, type TableLocation } from './home.ts'
import type { Reason } from './route.ts'
import type { Router } from './router.ts'

/** How a statement over tables of several databases can run after all. */
export interface Relation {
  readonly reason: Reason
  /** The text with tables qualified by their schema, where they are schemas of one server. */
  readonly sql?: string
}

/** What decides about tables of several databases. */
export interface RelationContext {
  readonly topology: Topology
  readonly tables: TableMap
  readonly routers: readonly Router[]
}

/**
 * Decides about a statement whose tables live in more than one database: allowed and qualified if they are schemas of
 * one MySQL/MariaDB server; allowed as it is if the routers open every pair; else {@link CrossDatabaseQueryError}.
 */
export function relate(
  sql: string,
  analysis: Analysis,
  locations: readonly TableLocation[],
  { topology, tables, routers }: RelationContext,
): Relation | undefined {
  const databases = new Set(locations.map((location) => location.database))
  if (databases.size <= 1) return undefined
  const shared = topology.sharedServers.find((group) =>
    [...databases].every((alias) => alias !== undefined && group.includes(alias)),
  )
  if (shared !== undefined && analysis.complete) {
    return {
      sql: qualify(sql, analysis, locations, { topology, tables }),
      reason: {
        rule: 'shared-server',
        text: `${listHomes(locations)}; these databases are schemas of one server, so the tables are qualified`,
      },
    }
  }
  if (pairsAllowed(locations, routers)) {
    return { reason: { rule: 'relation-allowed', text: `${listHomes(locations)}; a router allows the relation` } }
  }
  throw new CrossDatabaseQueryError(
    `One statement cannot join tables of different databases: ${listHomes(locations)}. ` +
      'Fetch the values of the inner part first and pass them as parameters (client.related(rows, …) does that), ' +
      'or declare databasesShareServer if these are MySQL/MariaDB schemas of one server. Nothing was sent.',
    locations.map(({ table, database }) => ({ table: nameOf(table), database: database ?? '(none)' })),
  )
}

function listHomes(locations: readonly TableLocation[]): string {
  return locations
    .map(
      ({ table, database, declared }) =>
        `${nameOf(table)} lives in "${database ?? '(none)'}"${declared ? '' : ' (no home declared)'}`,
    )
    .join(', ')
}

function pairsAllowed(locations: readonly TableLocation[], routers: readonly Router[]): boolean {
  return locations.every((a, index) =>
    locations.slice(index + 1).every((b) => a.database === b.database || relationAllowed(a, b, routers) === true),
  )
}

/** What the routers say of two tables: the first answer that is not "no opinion". */
export function relationAllowed(
  a: Pick<TableLocation, 'table'>,
  b: Pick<TableLocation, 'table'>,
  routers: readonly Router[],
): boolean | undefined {
  for (const router of routers) {
    const answer = router.allowRelation?.(a.table, b.table)
    if (answer !== undefined && answer !== null) return answer
  }
  return undefined
}

function qualify(
  sql: string,
  analysis: Analysis,
  locations: readonly TableLocation[],
  { topology, tables }: Omit<RelationContext, 'routers'>,
): string {
  const homeOf = (table: TableName): string | undefined =>
    locations.find((location) => location.table.name === table.name && location.table.schema === table.schema)?.database
  const edits: { readonly at: number; readonly prefix: string }[] = []
  for (const use of analysis.tables) {
    if (use.schema !== undefined) continue
    // A view lives where its tables do; where those live apart nothing says which it is.
    const homes = new Set((tables.tablesOfView(use) ?? [{ name: use.name }]).map(homeOf))
    const [home] = homes.size === 1 ? homes : []
    const schema = home === undefined ? undefined : topology.databases.get(home)?.schema
    if (schema === undefined) continue
    for (const span of use.spans) edits.push({ at: span.start, prefix: `${quotedName('mysql', schema)}.` })
  }
  // From the end, so that the positions of the edits before stay right.
  const ordered = [...new Map(edits.map((edit) => [edit.at, edit])).values()].sort((a, b) => b.at - a.at)
  return ordered.reduce((text, edit) => text.slice(0, edit.at) + edit.prefix + text.slice(edit.at), sql)
}
