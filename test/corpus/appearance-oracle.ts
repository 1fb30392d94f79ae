import type { Analysis, TableAppearance, ValueSource } from '../../src/statement/analysis.ts'
import { joinedTables } from './random-join.ts'

/** A server with the joined tables, and with empty tables of the same names in another schema. */
export interface OracleServer {
  /** Rows of the answer; undefined if the server refuses the text. */
  run(sql: string): Promise<readonly unknown[][] | undefined>
  /** The name by which the empty table is reached. */
  empty(table: string): string
}

interface Restriction {
  readonly appearance: TableAppearance
  readonly index: number
  readonly where: string
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
    for (const where of claimsOf(appearance, appearances)) {
      checked += 1
      const part = await outcome(server, text, { appearance, index, where })
      if (part !== whole) wrong.push(`${sql}\n  at ${appearance.name} (${index}): ${where}\n  ${part}\n  ${whole}`)
    }
  }
  return { checked, wrong }
}

/** The claims as conditions; those about columns that the table lacks say nothing. */
function claimsOf(appearance: TableAppearance, all: readonly TableAppearance[]): string[] {
  const columns = joinedTables[appearance.name] ?? []
  return [
    ...appearance.conditions.map(({ column, values }) => ({
      column,
      where: `${column} in (${values.map(literal).join(', ')})`,
    })),
    ...appearance.equalities.flatMap(({ column, other, otherColumn }) => {
      const { name = '' } = all[other] ?? {}
      const known = joinedTables[name]?.includes(otherColumn) === true
      return known ? [{ column, where: `${column} in (select o.${otherColumn} from ${name} o)` }] : []
    }),
  ].flatMap(({ column, where }) => (columns.includes(column) ? [where] : []))
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
): Promise<string | undefined> {
  const { name = '', place = 'from' } = restriction?.appearance ?? {}
  await server.run('begin')
  try {
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
