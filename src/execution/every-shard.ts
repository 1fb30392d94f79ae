import {
  CannotScatterError,
  CrossShardError,
  messageOf,
  PartialWriteError,
  ShardKeyMissingError,
  UnsupportedError,
} from '../errors.ts'
import type { RowsByShard } from '../routing/shards/choose-shards.ts'
import { changeObstacle } from '../statement/shape/change-obstacle.ts'
import { readInsertRows } from '../statement/shape/insert-rows.ts'
import type { Params } from '../statement/statement.ts'
import type { DriverResult } from '../drivers/driver.ts'
import type { Decision } from './decision.ts'
import { ownStatements } from './own-statements.ts'
import { Result } from './result.ts'
import { withShards } from './shard-decision.ts'

/** Inserts the rows of each shard there, by a statement of its own, as `writeEveryShard` carries changes out. */
export async function insertByShard<Row>(
  decision: Decision,
  rows: RowsByShard,
  params: Params,
  runOn: (single: Decision, params: Params) => Promise<Result<Row>>,
): Promise<Result<Row>> {
  const { database, sql } = decision
  const insert = readInsertRows(sql, database.engine)
  const count = [...rows.values()].reduce((sum, { length }) => sum + length, 0)
  if (insert?.count !== count) {
    throw new CrossShardError(
      `The rows that the statement inserts belong to ${named(decision.route.shards)} of "${database.alias}", and its text cannot be ` +
        'cut into them for certain. Nothing was sent. Insert the rows of each shard by a statement of its own.',
      { database: database.alias },
    )
  }
  return await writeEveryShard(decision, params, async (single) => {
    const [shard = ''] = single.route.shards
    const own = rows.get(shard) ?? []
    const part = insert.withRows(own, params)
    return await runOn({ ...single, sql: part.sql, part: { rows: own, params } }, part.params)
  })
}

/**
 * Carries a change out on each of its shards, one after the other, each committing by itself. Of lists of keys each gets its own. The copies of a reference table
 * and definitions count once; rows of sharded tables add up.
 *
 * Throws `CannotScatterError` or `ShardKeyMissingError`, before anything is sent, for changes that shards cannot make each for itself;
 * `PartialWriteError` if a shard fails after others have it; the error of the first one as it is.
 */
export async function writeEveryShard<Row>(
  decision: Decision,
  params: Params,
  runOn: (single: Decision, params: Params) => Promise<Result<Row>>,
): Promise<Result<Row>> {
  if (decision.plan?.kind === 'keyed' && decision.plan.inserts === undefined && !decision.plan.takesKeys)
    refuseObstacle(decision)
  const own = ownStatements(decision)
  const done: { readonly shard: string; readonly result: Result<Row> }[] = []
  for (const shard of decision.route.shards) {
    try {
      const single = { ...withShards(decision, [shard]), sql: own.sqlOf(shard) }
      done.push({ shard, result: await runOn(single, own.paramsOf(shard, params)) })
    } catch (error) {
      if (done.length === 0) throw error
      throw partialWrite(
        decision,
        done.map((each) => each.shard),
        shard,
        error,
      )
    }
  }
  const results = done.map(({ result }) => result)
  return decision.plan?.kind === 'keyed'
    ? summed(decision, results)
    : new Result<Row>(answerOf(results[0]), decision.route)
}

/** What is thrown where the rows of a change of several shards are wanted one by one. */
export function changeOfSeveralStreamed(): UnsupportedError {
  return new UnsupportedError('A change of several shards cannot be streamed. Nothing was sent. Use query().')
}

function refuseObstacle({ sql, database, route }: Decision): void {
  const obstacle = changeObstacle(sql, database.engine)
  if (obstacle === undefined) return
  const where = { database: database.alias }
  if (obstacle === 'INSERT') {
    throw new ShardKeyMissingError(
      `The statement inserts rows into a sharded table of "${database.alias}", and does not say their shard keys: each of ${named(route.shards)} would get the same rows. ` +
        'Nothing was sent. List the columns, with the shard key among them.',
      where,
    )
  }
  throw new CannotScatterError(
    obstacle,
    `The statement would change rows on ${named(route.shards)} of "${database.alias}", each for itself, and ${obstacle} counts or names rows of all of them. ` +
      'Nothing was sent. Name the rows by a condition, or one shard: client.shard(key, fn).',
    where,
  )
}

function summed<Row>(decision: Decision, results: readonly Result<Row>[]): Result<Row> {
  const first = answerOf(results[0])
  const rows = results.flatMap(({ rows: some }) => some)
  const rowCount = results.reduce((sum, result) => sum + result.rowCount, 0)
  return new Result<Row>({ ...first, rows, rowCount, insertId: undefined }, decision.route)
}

function answerOf(result: Result<unknown> | undefined): DriverResult {
  const { rows = [], rowCount = 0, fields = [], insertId, native } = result ?? {}
  return { rows, rowCount, fields, insertId, native }
}

function partialWrite({ route }: Decision, done: readonly string[], failed: string, error: unknown): PartialWriteError {
  const left = route.shards.slice(done.length + 1)
  return new PartialWriteError(
    `The change failed on the shard "${failed}" of "${route.database}" (${messageOf(error)}), and has taken effect on ${named(done)}` +
      `${left.length === 0 ? '' : `; ${named(left)} ${left.length === 1 ? 'was' : 'were'} not asked`}. ` +
      'Repeat it on the others once the cause is gone: the option { shardKey } of a call names one shard.',
    { done, failed, notAsked: left },
    { database: route.database, shard: failed, cause: error },
  )
}

function named(shards: readonly string[]): string {
  return `${shards.length === 1 ? 'the shard' : 'the shards'} ${shards.map((shard) => `"${shard}"`).join(', ')}`
}
