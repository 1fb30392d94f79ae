import type { TableHomeAnswer, TableName } from '../index.ts'
import type { Finding, FindingCode } from './check-report.ts'
import type { FoundColumn } from './inventory.ts'
import { listed } from './listed.ts'
import { isOwnTable } from './own-tables.ts'
import { probedName, type Probe } from './probe.ts'
import type { RowFact } from './row-facts.ts'
import { nameOf } from './table-check.ts'

/** A declared table, and the shards that have it. */
interface SpreadTable {
  readonly name: string
  readonly home: TableHomeAnswer
  readonly on: readonly Probe[]
}

/**
 * Compares the shards of one database with each other, and with how its tables are declared to be spread. What could not be
 * asked is left out: that is said elsewhere. Pure.
 */
export function checkShardTables(
  probes: readonly Probe[],
  rows: readonly RowFact[],
  homeOf: (table: TableName) => TableHomeAnswer,
): readonly Finding[] {
  const [first] = probes
  if (first === undefined) return []
  const { alias, exclusive } = first.database
  const known = probes.filter(({ tables }) => tables !== undefined)
  const all = tablesOf(known, homeOf)
  const own = all.filter(({ home }) => home.database === alias)
  const declared = own.filter(({ home }) => home.declared)
  return [
    // An exclusive database has a finding of its own for them.
    ...(exclusive ? [] : undeclaredFindings(own, first)),
    ...known.flatMap((probe) => missingFindings(probe, declared, probe === first)),
    ...declared.flatMap((table) => [...keyFindings(table), ...columnFindings(table)]),
    ...rowFindings(declared, rows, first),
  ]
}

function tablesOf(probes: readonly Probe[], homeOf: (table: TableName) => TableHomeAnswer): readonly SpreadTable[] {
  const places = probes.flatMap((probe) => (probe.tables ?? []).map((table) => ({ probe, table })))
  return [...Map.groupBy(places, ({ table }) => keyOf(table)).values()].flatMap(([one, ...others]): SpreadTable[] => {
    if (one === undefined) return []
    const home = homeOf(one.table)
    if ((one.table.isView || isOwnTable(one.table)) && !home.declared) return []
    return [{ name: nameOf(one.table), home, on: [one, ...others].map(({ probe }) => probe) }]
  })
}

function undeclaredFindings(tables: readonly SpreadTable[], { database: { alias } }: Probe): readonly Finding[] {
  const names = tables.filter(({ home }) => !home.declared).map(({ name }) => name)
  if (names.length === 0) return []
  const message =
    `"${alias}" has several shards, and tables of which nothing says how they are spread: ${listed(names)}. ` +
    "Statements on them are refused. Declare each in tables: a shardKey, kind: 'reference' or kind: 'unsharded'."
  return [{ severity: 'error', code: 'table-undeclared-in-shards', database: alias, tables: names, message }]
}

/** Unsharded tables belong on the first shard, all others on each. */
function missingFindings(probe: Probe, declared: readonly SpreadTable[], isFirst: boolean): readonly Finding[] {
  const names = declared
    .filter(({ home, on }) => !on.includes(probe) && (isFirst || home.kind !== 'unsharded'))
    .map(({ name }) => name)
  if (names.length === 0) return []
  const message = `${probedName(probe)} lacks tables that belong on it, and that other shards have: ${listed(names)}. Statements on them fail there.`
  return [about(probe, 'error', 'table-missing-on-shard', names, message)]
}

function keyFindings({ name, home, on }: SpreadTable): readonly Finding[] {
  if (home.kind !== 'sharded') return []
  return on.flatMap((probe) => {
    const columns = columnsOf(probe, name)
    const absent = (home.shardKey ?? []).filter((key) => !columns?.some((column) => isCalled(column.name, key, probe)))
    if (columns === undefined || absent.length === 0) return []
    const message =
      `${name} on ${probedName(probe)} has no column ${absent.map((key) => `"${key}"`).join(', ')}, which its shardKey names. ` +
      `It has: ${listed(columns.map((column) => column.name))}.`
    return [about(probe, 'error', 'shard-key-missing', [name], message)]
  })
}

/** Where a table looks otherwise than on the first shard that has it. */
function columnFindings({ name, home, on }: SpreadTable): readonly Finding[] {
  if (home.kind === 'unsharded') return []
  const [first, ...others] = on.filter(({ columns }) => columns !== undefined)
  const wanted = first === undefined ? undefined : columnsOf(first, name)
  if (first === undefined || wanted === undefined) return []
  return others.flatMap((probe): readonly Finding[] => {
    const found = columnsOf(probe, name) ?? []
    const differences = differencesOf(wanted, found, probe)
    const where = `${name} on ${probedName(probe)}`
    if (differences.length > 0) {
      const message = `${where} is not what it is on the shard ${first.shard.name}: ${differences.join('; ')}.`
      return [about(probe, 'error', 'table-differs-on-shard', [name], message)]
    }
    if (found.every((column, index) => isCalled(column.name, wanted[index]?.name ?? '', probe))) return []
    const message =
      `${where} has its columns in another order than on the shard ${first.shard.name}: ${listed(found.map((column) => column.name))}. ` +
      "An INSERT without a list of columns, and SELECT * under rowMode 'array', mix them up."
    return [about(probe, 'warning', 'column-order-differs', [name], message)]
  })
}

function differencesOf(wanted: readonly FoundColumn[], found: readonly FoundColumn[], probe: Probe): readonly string[] {
  const twin = (column: FoundColumn, among: readonly FoundColumn[]): FoundColumn | undefined =>
    among.find((other) => isCalled(other.name, column.name, probe))
  const absent = wanted.filter((column) => twin(column, found) === undefined).map(({ name }) => name)
  const added = found.filter((column) => twin(column, wanted) === undefined).map(({ name }) => name)
  const changed = wanted.flatMap((column) => {
    const other = twin(column, found)
    return other === undefined || other.type.toLowerCase() === column.type.toLowerCase()
      ? []
      : [`${column.name} is ${other.type || 'of no type'}, not ${column.type || 'of no type'}`]
  })
  return [
    ...(absent.length === 0 ? [] : [`it lacks ${listed(absent)}`]),
    ...(added.length === 0 ? [] : [`it also has ${listed(added)}`]),
    ...changed,
  ]
}

function rowFindings(declared: readonly SpreadTable[], rows: readonly RowFact[], first: Probe): readonly Finding[] {
  const { alias } = first.database
  const byTable = Map.groupBy(rows, ({ table }) => keyOf(table))
  return declared.flatMap(({ name, home }): readonly Finding[] => {
    const facts = byTable.get(name.toLowerCase()) ?? []
    const findings = facts
      .filter(({ failure }) => failure !== undefined)
      .map(({ shard, failure }): Finding => {
        const message = `The rows of ${name} on "${alias}" (shard ${shard}) could not be counted: ${failure}`
        return { severity: 'warning', code: 'rows-unreadable', database: alias, shard, tables: [name], message }
      })
    findings.push(...strayFindings(name, facts, first))
    const counted = facts.flatMap(({ shard, rows: count }) => (count === undefined ? [] : [{ shard, count }]))
    if (home.kind === 'reference' && new Set(counted.map(({ count }) => count)).size > 1) {
      const counts = counted.map(({ shard, count }) => `${count} on ${shard}`).join(', ')
      const message =
        `The reference table ${name} of "${alias}" has not the same rows on each shard: ${counts}. ` +
        'What a statement sees of it depends on its shard.'
      findings.push({ severity: 'warning', code: 'reference-rows-differ', database: alias, tables: [name], message })
    }
    const beside = home.kind === 'unsharded' ? counted.filter(({ count }) => count > 0) : []
    if (beside.length > 0) {
      const message =
        `${name} of "${alias}" is unsharded, so that it lives on the first shard, ${first.shard.name}, ` +
        `but has rows on ${beside.map(({ shard }) => shard).join(', ')} too, which no statement reaches.`
      findings.push({ severity: 'error', code: 'table-beside-its-shard', database: alias, tables: [name], message })
    }
    return findings
  })
}

function strayFindings(name: string, facts: readonly RowFact[], { database: { alias } }: Probe): readonly Finding[] {
  return facts.flatMap(({ shard, strays: found }): readonly Finding[] => {
    if (found === undefined || found.strays === 0) return []
    const message =
      `${name} on "${alias}" (shard ${shard}) has rows that belong to other shards: ${found.strays} of the ${found.looked} that were looked at. ` +
      'Statements with their keys do not find them. Was the shard map changed without moving rows (a shard added without owners)?'
    return [{ severity: 'error', code: 'rows-on-wrong-shard', database: alias, shard, tables: [name], message }]
  })
}

function about(
  { database: { alias }, shard }: Probe,
  severity: Finding['severity'],
  code: FindingCode,
  tables: readonly string[],
  message: string,
): Finding {
  return { severity, code, database: alias, shard: shard.name, tables, message }
}

function columnsOf({ columns }: Probe, name: string): readonly FoundColumn[] | undefined {
  return columns?.filter(({ schema, table }) => keyOf({ schema, name: table }) === name.toLowerCase())
}

/** On PostgreSQL two names may differ in case alone. */
function isCalled(column: string, name: string, { database: { engine } }: Probe): boolean {
  return engine === 'postgres' ? column === name : column.toLowerCase() === name.toLowerCase()
}

function keyOf(table: TableName): string {
  return nameOf(table).toLowerCase()
}
