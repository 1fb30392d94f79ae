import type { Config, TableHomeAnswer, TableName } from '../index.ts'
import type { Finding, FindingCode, TableReport } from './check-report.ts'
import { listed } from './listed.ts'
import { isOwnTable } from './own-tables.ts'

/** The tables of one database that answered. */
export interface Inventory {
  readonly alias: string
  readonly exclusive: boolean
  /** Equal for two aliases exactly if they are the same tables. */
  readonly dataId: string
  /** The same of its further shards. */
  readonly furtherDataIds?: readonly string[]
  /** Of all its shards, each name once. */
  readonly tables: readonly (TableName & { readonly isView: boolean })[]
  /** A shard could not be asked, so there may be more tables. */
  readonly partial?: boolean
}

/** The declarations, and how they are understood. */
export interface Declarations {
  readonly tables: Config['tables']
  readonly homeOf: (table: TableName) => TableHomeAnswer
  /** The database that an alias means. */
  readonly resolve: (alias: string) => string
}

/** Compares where tables are with where the configuration says that they live. Pure. */
export function checkTables(
  inventories: readonly Inventory[],
  declarations: Declarations,
): { readonly tables: readonly TableReport[]; readonly findings: readonly Finding[] } {
  const byAlias = new Map(inventories.map((inventory) => [inventory.alias, inventory]))
  const tables = Object.entries(declarations.tables ?? {}).map(([pattern, entry]) => {
    const alias = declarations.resolve(typeof entry === 'string' ? entry : entry.database)
    return reportDeclaration(pattern, alias, inventories, declarations)
  })
  const declared = tables.flatMap((report) => declarationFinding(report))
  const strays = inventories.flatMap((inventory) => strayFindings(inventory, byAlias, tables, declarations))
  return { tables, findings: [...declared, ...strays] }
}

function reportDeclaration(
  pattern: string,
  database: string,
  inventories: readonly Inventory[],
  { homeOf }: Declarations,
): TableReport {
  const kind = /[*?]/.test(pattern) ? 'glob' : 'name'
  const home = inventories.find(({ alias }) => alias === database)
  const fits = (table: TableName): boolean =>
    kind === 'name' ? isCalled(table, pattern) : homeOf(table).pattern === pattern
  const found = home?.tables.filter(fits).map(nameOf) ?? []
  const elsewhere = inventories
    .filter((inventory) => inventory.alias !== database && !areSameTables(inventory, home))
    .flatMap(({ alias, tables }) =>
      tables
        .filter((table) => !table.isView && fits(table))
        .map((table) => ({ database: alias, table: nameOf(table) })),
    )
  const absent = kind === 'name' ? 'missing' : 'empty'
  const isUnknown = home === undefined || (found.length === 0 && home.partial === true)
  const state = isUnknown ? 'unknown' : found.length > 0 ? 'found' : absent
  return { pattern, database, kind, state, found, elsewhere }
}

function declarationFinding({ pattern, database, state, elsewhere }: TableReport): readonly Finding[] {
  if (state === 'missing') {
    const places = [...new Set(elsewhere.map((place) => `"${place.database}"`))]
    const where = places.length === 0 ? '' : ` There is one in ${places.join(' and ')}.`
    const message = `The table ${pattern} should live in "${database}", and is not there.${where}`
    return [{ severity: 'error', code: 'table-missing', database, tables: [pattern], message }]
  }
  if (state === 'empty') {
    const message = `No table in "${database}" fits "${pattern}".`
    return [{ severity: 'warning', code: 'glob-empty', database, tables: [pattern], message }]
  }
  return []
}

interface Stray {
  readonly severity: Finding['severity']
  readonly code: FindingCode
  /** The message, in two parts around the names. */
  readonly before: string
  readonly after: string
}

/** Tables that are in a database which is not their home, one finding for all with the same trouble. */
function strayFindings(
  inventory: Inventory,
  byAlias: ReadonlyMap<string, Inventory>,
  reports: readonly TableReport[],
  declarations: Declarations,
): readonly Finding[] {
  const groups = new Map<string, { readonly stray: Stray; readonly names: string[] }>()
  for (const table of inventory.tables) {
    if (table.isView) continue
    const home = declarations.homeOf(table)
    // That a declared name is missing at home, and where it is instead, is said once already.
    const isSaid = reports.some(({ pattern, state }) => pattern === home.pattern && state === 'missing')
    const stray = isSaid ? undefined : strayOf(table, inventory, home, byAlias)
    if (stray === undefined) continue
    const group = groups.get(stray.before) ?? { stray, names: [] }
    group.names.push(nameOf(table))
    groups.set(stray.before, group)
  }
  return [...groups.values()].map(({ stray: { severity, code, before, after }, names }) => ({
    severity,
    code,
    database: inventory.alias,
    tables: names,
    message: `${before}: ${listed(names)}. ${after}`,
  }))
}

function strayOf(
  table: TableName,
  inventory: Inventory,
  home: TableHomeAnswer,
  byAlias: ReadonlyMap<string, Inventory>,
): Stray | undefined {
  const { alias, exclusive } = inventory
  if (home.database === alias && (home.declared || !exclusive)) return undefined
  if (!home.declared && isOwnTable(table)) return undefined
  if (exclusive && !home.declared) {
    return {
      severity: 'error',
      code: 'table-undeclared-in-exclusive',
      before: `"${alias}" is exclusive, and has tables that are not declared for it`,
      after: 'Statements on them are refused.',
    }
  }
  if (home.database === undefined) {
    return {
      severity: 'warning',
      code: 'table-undeclared',
      before: `"${alias}" has tables without a declared home, and there is no default database`,
      after: 'Statements on them need using().',
    }
  }
  return strayFromHome(table, inventory, { ...home, database: home.database }, byAlias)
}

function strayFromHome(
  table: TableName,
  inventory: Inventory,
  { database, declared, pattern = '' }: TableHomeAnswer & { readonly database: string },
  byAlias: ReadonlyMap<string, Inventory>,
): Stray | undefined {
  const { alias } = inventory
  const home = byAlias.get(database)
  // Two aliases of the same tables, perhaps with different accounts: the table is at home.
  if (areSameTables(inventory, home)) return undefined
  const after = `Statements on them go to "${database}".`
  const isAtHome = home?.tables.some((candidate) => sameName(candidate, table)) ?? false
  const isUnknown = home === undefined || (!isAtHome && home.partial === true)
  if (isAtHome || isUnknown) {
    const there = isUnknown ? 'which could not be asked' : 'where they are too'
    const before = `"${alias}" has tables whose home is "${database}", ${there}`
    return { severity: 'warning', code: 'table-also-elsewhere', before, after }
  }
  if (!declared) {
    const before = `"${alias}" has tables that are not declared, and not in the default database "${database}" either`
    return { severity: 'warning', code: 'table-undeclared', before, after }
  }
  const before = `"${alias}" has tables that should live in "${database}" (as "${pattern}"), and are not there`
  return { severity: 'error', code: 'table-only-elsewhere', before, after }
}

function areSameTables(one: Inventory, other: Inventory | undefined): boolean {
  if (other === undefined) return false
  const ids = [one.dataId, ...(one.furtherDataIds ?? [])]
  return [other.dataId, ...(other.furtherDataIds ?? [])].some((id) => ids.includes(id))
}

function isCalled(table: TableName, name: string): boolean {
  const wanted = name.toLowerCase()
  return wanted === table.name.toLowerCase() || wanted === nameOf(table).toLowerCase()
}

function sameName(a: TableName, b: TableName): boolean {
  return a.name.toLowerCase() === b.name.toLowerCase()
}

/** The name as people write it. */
export function nameOf(table: TableName): string {
  return table.schema === undefined ? table.name : `${table.schema}.${table.name}`
}
