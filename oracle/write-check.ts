import { type Client, SignalboxError } from '../src/index.ts'
import { difference } from './comparison.ts'
import { describeError, isRefusal, reasonOf } from './read-check.ts'
import { insertText, shardNames, type Sides } from './sides.ts'
import type { Tally } from './tally.ts'
import type { WriteStatement } from './write-statement.ts'
import { type OracleTable, regions } from './world.ts'

/** Sets both sides back, makes the changes on both, and throws where they disagree, or where a row is on a wrong shard. */
export async function checkWrites(sides: Sides, statements: readonly WriteStatement[], tally: Tally): Promise<void> {
  await reset(sides)
  for (const statement of statements) if (!(await checkWrite(sides, statement, tally))) return
}

/** False: the sides differ now, because a change was made on some shards only, as the error says. */
async function checkWrite(sides: Sides, statement: WriteStatement, tally: Tally): Promise<boolean> {
  const { sql, params, allShards } = statement
  const given = await attempt(sides.sharded, statement, { allShards })
  if (given.error !== undefined && isRefusal(given.error)) {
    tally.refused(reasonOf(given.error), statement.form)
    await compareTables(sides, statement)
    return true
  }
  const right = await attempt(sides.whole, statement, {})
  if (given.error !== undefined) {
    if (right.error === undefined) throw defect(sides, statement, `fails: ${describeError(given.error)}`)
    tally.failed(given.error)
    const isPartial = given.error instanceof SignalboxError && given.error.code === 'SIGNALBOX_PARTIAL_WRITE'
    if (isPartial) await findMisplaced(sides, statement)
    else await compareTables(sides, statement)
    return !isPartial
  }
  if (right.error !== undefined)
    throw defect(sides, statement, `is done, and should fail: ${describeError(right.error)}`)
  if (given.rowCount !== right.rowCount)
    throw defect(sides, statement, `changes ${given.rowCount} rows, and should change ${right.rowCount}`)
  const expectation = { engine: sides.engine, total: false, folded: false, possible: undefined }
  const found = difference({ names: undefined, rows: right.rows }, { names: undefined, rows: given.rows }, expectation)
  if (found !== undefined) throw defect(sides, statement, `RETURNING: ${found}`)
  await compareTables(sides, statement)
  const { shards } = sides.sharded.explain(sql, params, { allShards })
  tally.answered(shards.length === 1 ? 'by one shard' : 'written', given.rowCount ?? 0, statement.form)
  return true
}

interface Outcome {
  readonly rows: readonly unknown[]
  readonly rowCount: number | null
  readonly error?: unknown
}

async function attempt(
  client: Client<'default'>,
  { sql, params }: WriteStatement,
  options: { readonly allShards?: boolean },
): Promise<Outcome> {
  try {
    const { rows, rowCount } = await client.query(sql, params, { rowMode: 'array', ...options })
    return { rows, rowCount }
  } catch (error) {
    return { rows: [], rowCount: null, error }
  }
}

async function compareTables(sides: Sides, statement: WriteStatement): Promise<void> {
  const { name } = sides.world.written
  const right = await sides.whole.query(`select * from ${name}`)
  const given = await findMisplaced(sides, statement)
  const found = difference(
    { names: undefined, rows: right.rows },
    { names: undefined, rows: given },
    { engine: sides.engine, total: false, folded: false, possible: undefined },
  )
  if (found !== undefined) throw defect(sides, statement, `afterwards ${found}`)
}

/** All rows of all shards; throws if one is not where its key says. */
async function findMisplaced(sides: Sides, statement: WriteStatement): Promise<readonly unknown[]> {
  const { written } = sides.world
  const map = sides.world.map.bind(shardNames)
  const all: unknown[] = []
  for (const [shard, client] of sides.shards) {
    const { rows } = await client.query(`select * from ${written.name}`)
    for (const row of rows) {
      const key = (written.shardKey ?? []).map((column) => row[column])
      const owner = map.shardOf(key.length === 1 ? key[0] : key)
      if (owner !== shard)
        throw defect(
          sides,
          statement,
          `a row with the key ${JSON.stringify(key)} is on ${shard}, and belongs to ${owner}`,
        )
    }
    all.push(...rows)
  }
  return all
}

async function reset(sides: Sides): Promise<void> {
  const { world, engine, whole, shards, sharded } = sides
  const { written } = world
  for (const client of [whole, ...shards.values()]) await client.query(`delete from ${written.name}`)
  const sql = insertText(engine, written)
  for (const row of startRows(written)) for (const client of [whole, sharded]) await client.query(sql, row)
}

function startRows({ shardKey }: OracleTable): readonly (readonly unknown[])[] {
  return Array.from({ length: 8 }, (_, i) => {
    const key = shardKey?.length === 1 ? [i + 1] : [regions[i % 3], 1 + (i % 4)]
    return [...key, i % 4, ['ada', 'Bob', 'bob', null][i % 4], i / 2]
  })
}

function defect({ engine, world }: Sides, { sql, params, allShards }: WriteStatement, what: string): Error {
  return new Error(
    `${engine}, ${world.name}${allShards ? ', allShards' : ''}: ${sql}\nwith ${JSON.stringify(params)}: ${what}`,
  )
}
