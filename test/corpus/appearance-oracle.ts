import type { Analysis, RangeBound, TableAppearance, TakenColumn, ValueSource } from '../../src/statement/analysis.ts'
import { joinedTables } from './random-join.ts'

/** A server with the joined tables, and with empty tables of the same names in another schema. */
export interface OracleServer {
  /** Rows of the answer; undefined if the server refuses the text. */
  run(sql: string): Promise<readonly unknown[][] | undefined>
  /** The name by which the empty table is reached. */
  empty(table: string): string
}

interface Claim {
  readonly where: string
  /** Statements that take NULLs away, where it is said of tables without them only. */
  readonly before: readonly string[]
}

interface Restriction extends Claim {
  readonly appearance: TableAppearance
  readonly index: number
}

/** Claims that a server has been asked about, and those that it has shown to be wrong. */
export interface Findings {
  readonly checked: number
  readonly wrong: readonly string[]
}

/**
 * Asks a server about each condition and each equality that an analysis claims: the statement must do the same when,
 * in that one place, the table holds only the rows that fulfil the claim.
 */
export async function checkClaims(
  server: OracleServer,
  sql: string,
  { tables, appearances }: Pick<Analysis, 'tables' | 'appearances'>,
): Promise<Findings | undefined> {
  const spans = tables.flatMap((table) => table.spans).toSorted((one, other) => one.start - other.start)
  if (spans.length !== appearances.length)
    throw new Error(`${appearances.length} appearances, but ${spans.length} names of tables: ${sql}`)
  const whole = await outcome(server, sql, undefined)
  if (whole === undefined) return undefined
  let checked = 0
  const wrong: string[] = []
  for (const [index, appearance] of appearances.entries()) {
    const span = spans[index] ?? { start: 0, end: 0 }
    const text = sql.slice(0, span.start) + server.empty(appearance.name) + sql.slice(span.end)
    for (const [column, given] of insertedFrom(appearance, appearances, sql)) {
      checked += 1
      const found = await checkInserted(server, { sql, text, source: appearance, index, column, ...given })
      if (found !== undefined) wrong.push(`${sql}\n  at ${appearance.name} (${index}): ${found}`)
    }
    for (const taken of isInserted(appearance, sql) ? (appearance.taken ?? []) : []) {
      checked += 1
      const strange = await checkTaken(server, sql, appearance.name, taken, appearances)
      if (strange !== undefined) wrong.push(`${sql}\n  at ${appearance.name} (${index}): ${strange}`)
    }
    for (const { where, before } of claimsOf(appearance, appearances, sql)) {
      checked += 1
      const right = before.length === 0 ? whole : await outcome(server, sql, undefined, before)
      const part = await outcome(server, text, { appearance, index, where, before })
      if (part !== right) wrong.push(`${sql}\n  at ${appearance.name} (${index}): ${where}\n  ${part}\n  ${right}`)
    }
  }
  return { checked, wrong }
}

/** The claims as conditions; those about columns that the table lacks say nothing. */
function claimsOf(appearance: TableAppearance, all: readonly TableAppearance[], sql: string): Claim[] {
  const columns = joinedTables[appearance.name] ?? []
  return [
    ...appearance.conditions.map(({ column, values }) => ({
      column,
      where: `${column} in (${values.map(literal).join(', ')})`,
    })),
    ...appearance.ranges.map(({ column, from, to }) => ({
      column,
      where: [...bound(column, '>', from), ...bound(column, '<', to)].join(' and '),
    })),
    ...appearance.equalities.flatMap(({ column, other, otherColumn, unlessNull }) => {
      const { name = '' } = all[other] ?? {}
      const known = joinedTables[name]?.includes(otherColumn) === true
      const tables: readonly [string, string][] = [
        [appearance.name, column],
        [name, otherColumn],
      ]
      const before =
        unlessNull === true ? tables.map(([table, key]) => `delete from ${table} where ${key} is null`) : []
      return known && !isInserted(all[other], sql) && !isInserted(appearance, sql)
        ? [{ column, where: `${column} in (select o.${otherColumn} from ${name} o)`, before }]
        : []
    }),
  ].flatMap(({ column, ...claim }) => (columns.includes(column) ? [{ before: [], ...claim }] : []))
}

function bound(column: string, operator: '<' | '>', given: RangeBound | undefined): string[] {
  return given === undefined ? [] : [`${column} ${operator}${given.inclusive ? '=' : ''} ${literal(given.value)}`]
}

/** The target of an INSERT: what is said of it is said of new rows. */
function isInserted(appearance: TableAppearance | undefined, sql: string): boolean {
  return appearance?.place === 'target' && sql.startsWith('insert ')
}

interface Inserted {
  readonly target: string
  readonly targetColumn: string
  /** All of its rows are made of the source's. */
  readonly isAlone: boolean
}

/** Columns whose value an inserted row takes over from the row that it is made of. */
function insertedFrom(
  source: TableAppearance,
  all: readonly TableAppearance[],
  sql: string,
): (readonly [string, Inserted])[] {
  const columns = joinedTables[source.name] ?? []
  return source.equalities.flatMap(({ column, other, otherColumn }) => {
    const target = all[other]
    if (target === undefined || !isInserted(target, sql) || source === target || !columns.includes(column)) return []
    const isAlone = target.equalities.some((each) => each.other === all.indexOf(source) && each.column === otherColumn)
    return [[column, { target: target.name, targetColumn: otherColumn, isAlone }] as const]
  })
}

/** For each value of the source: its rows alone must give just those new rows of the whole that have it. */
async function checkInserted(
  server: OracleServer,
  claim: Inserted & { sql: string; text: string; source: TableAppearance; index: number; column: string },
): Promise<string | undefined> {
  const { sql, text, source, column, target, targetColumn, isAlone } = claim
  const { name } = source
  const place = joinedTables[target]?.indexOf(targetColumn) ?? -1
  const whole = await newRows(server, sql, target, undefined)
  const values = await read(server, `select distinct ${column} from ${name}`)
  for (const [value] of values) {
    const where = value === null ? `${column} is null` : `${column} = ${Number(value)}`
    const fill = `insert into ${server.empty(name)} select * from ${name} where ${where}`
    const given = await newRows(server, text, target, fill)
    const has = (row: string): boolean => (JSON.parse(row) as unknown[])[place] === value
    // Other rows are those of the other members of a UNION, if there are any.
    const part = isAlone ? given : given?.filter(has)
    const right = whole?.filter(has)
    if (part?.join() !== right?.join()) return `${where} gives ${String(part)} and should give ${String(right)}`
  }
  const known = new Set(values.map(([value]) => value))
  const strange = isAlone && whole?.find((row) => !known.has((JSON.parse(row) as unknown[])[place]))
  return typeof strange === 'string' ? `the new row ${strange} is of no row of ${name}` : undefined
}

/** Each new row must have the value of a row of one of the sources. */
async function checkTaken(
  server: OracleServer,
  sql: string,
  target: string,
  { column, sources }: TakenColumn,
  all: readonly TableAppearance[],
): Promise<string | undefined> {
  const place = joinedTables[target]?.indexOf(column) ?? -1
  const known = new Set<unknown>()
  for (const { other, otherColumn } of sources) {
    const { name = '' } = all[other] ?? {}
    // A column of another table, then.
    if (joinedTables[name]?.includes(otherColumn) !== true) return undefined
    for (const [value] of await read(server, `select distinct ${otherColumn} from ${name}`)) known.add(value)
  }
  const rows = (await newRows(server, sql, target, undefined)) ?? []
  const strange = rows.find((row) => !known.has((JSON.parse(row) as unknown[])[place]))
  return strange === undefined ? undefined : `the new row ${strange} takes its ${column} from none of its sources`
}

async function newRows(
  server: OracleServer,
  sql: string,
  target: string,
  fill: string | undefined,
): Promise<string[] | undefined> {
  await server.run('begin')
  try {
    if (fill !== undefined) await read(server, fill)
    const before = await read(server, `select * from ${target}`)
    if ((await server.run(sql)) === undefined) return undefined
    const left = before.map((row) => JSON.stringify(row))
    const rows = (await read(server, `select * from ${target}`)).map((row) => JSON.stringify(row)).toSorted()
    return rows.filter((row) => {
      const old = left.indexOf(row)
      if (old >= 0) left.splice(old, 1)
      return old < 0
    })
  } finally {
    await server.run('rollback')
  }
}

function literal(source: ValueSource): string {
  if (source.from !== 'constant') throw new Error('The statements of this test hold constants only.')
  return String(source.value)
}

/** The rows of the answer, and what is in the tables afterwards. Nothing of it stays. */
async function outcome(
  server: OracleServer,
  sql: string,
  restriction: Restriction | undefined,
  before = restriction?.before ?? [],
): Promise<string | undefined> {
  const { name = '', place = 'from' } = restriction?.appearance ?? {}
  await server.run('begin')
  try {
    for (const statement of before) await read(server, statement)
    const left: unknown[][] = []
    if (restriction !== undefined) {
      const { where } = restriction
      await read(server, `insert into ${server.empty(name)} select * from ${name} where ${where}`)
      left.push(...(await read(server, `select * from ${name} where case when ${where} then 0 else 1 end = 1`)))
    }
    const rows = await server.run(sql)
    if (rows === undefined) return undefined
    const contents: string[] = []
    for (const table of Object.keys(joinedTables)) {
      const isTarget = place === 'target' && table === name
      const found = await read(server, `select * from ${isTarget ? server.empty(table) : table}`)
      contents.push(inOrder(isTarget ? [...found, ...left] : found))
    }
    return [inOrder(rows), ...contents].join(' ')
  } finally {
    await server.run('rollback')
  }
}

async function read(server: OracleServer, sql: string): Promise<readonly unknown[][]> {
  const rows = await server.run(sql)
  if (rows === undefined) throw new Error(`The server refuses: ${sql}`)
  return rows
}

function inOrder(rows: readonly unknown[][]): string {
  return rows
    .map((row) => JSON.stringify(row))
    .toSorted()
    .join()
}
