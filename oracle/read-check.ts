import { CannotScatterError, type Client, SignalboxError } from '../src/index.ts'
import { type Answer, difference } from './comparison.ts'
import type { ReadStatement } from './read-statement.ts'
import type { Sides } from './sides.ts'
import type { Tally } from './tally.ts'
import type { Text } from './text.ts'

const refusals = new Set([
  'SIGNALBOX_CANNOT_SCATTER',
  'SIGNALBOX_SHARD_KEY_MISSING',
  'SIGNALBOX_CROSS_SHARD',
  'SIGNALBOX_SHARD_KEY',
])

/** Whether Signalbox says that it will not, which it may. */
export function isRefusal(error: unknown): error is SignalboxError {
  return error instanceof SignalboxError && refusals.has(error.code)
}

/** Asks both sides, and throws where they disagree. */
export async function checkRead(sides: Sides, statement: ReadStatement, tally: Tally): Promise<void> {
  const [whole, sharded] = await Promise.all(
    [sides.whole, sides.sharded].map(async (client) => await settled(ask(client, statement, statement.mode))),
  )
  if (sharded!.error !== undefined) {
    if (isRefusal(sharded!.error)) tally.refused(reasonOf(sharded!.error), statement.form)
    else if (whole!.error !== undefined) tally.failed(whole!.error)
    else throw defect(sides, statement, `fails: ${describeError(sharded!.error)}`)
    return
  }
  if (whole!.error !== undefined)
    throw defect(sides, statement, `is answered, and should fail: ${describeError(whole!.error)}`)
  const { engine } = sides
  const { total, folded, unlimited } = statement
  const needsAll = !total && unlimited !== undefined
  const possible = needsAll ? (await ask(sides.whole, unlimited, statement.mode)).rows : undefined
  const found = difference(whole!.value, sharded!.value, { engine, total, folded, possible })
  if (found !== undefined) throw defect(sides, statement, found)
  const { shards } = sides.sharded.explain(statement.sql, statement.params)
  tally.answered(
    shards.length === 1 ? 'by one shard' : statement.aggregated ? 'aggregated' : 'scattered',
    whole!.value.rows.length,
    statement.form,
  )
}

type Settled<T> = { readonly value: T; readonly error?: undefined } | { readonly error: unknown; readonly value: never }

async function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error } as Settled<T>
  }
}

async function ask(client: Client<'default'>, { sql, params }: Text, mode: ReadStatement['mode']): Promise<Answer> {
  if (mode === 'stream')
    return { names: undefined, rows: await Array.fromAsync(client.stream(sql, params, { fetchSize: 3 })) }
  const { rows, fields } = await client.query(sql, params, { rowMode: mode })
  return { names: fields.map(({ name }) => name), rows }
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/is read in a subquery of FROM/, 'a subquery of FROM, WITH, UNION of a change'],
  [/is read only in a subquery/, 'read only in a subquery of an expression'],
  [/is read in a subquery of an expression/, 'a WITH query in a subquery of an expression'],
  [/is read more than once/, 'a WITH query that is read twice'],
  [/a row that it inserts into/, 'an INSERT whose rows do not take over the shard key'],
  [/its outer join keeps/, 'an outer join that keeps rows of a reference table'],
  [/it joins rows of \w+ with each other/, 'a table joined with itself, not by its key'],
  [/it joins /, 'tables joined otherwise than by their keys'],
  [/would change rows on/, 'a change of several shards'],
]

/** What stands in the way, without the names and numbers of this statement. */
export function reasonOf(error: SignalboxError): string {
  const code = error.code.slice('SIGNALBOX_'.length)
  const text =
    error instanceof CannotScatterError
      ? error.construct.replace(/"\w+"|column [\w.]+|(?:name|parameter) \S+|\d+/g, '…')
      : (reasons.find(([pattern]) => pattern.test(error.message))?.[1] ??
        /several shards: (.{12,40}?)(?: that| of| whose|,)/.exec(error.message)?.[1] ??
        error.message.slice(0, 60))
  return `${code}: ${text}`
}

/** In a line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error)
}

function defect({ engine, world }: Sides, { sql, params, mode }: ReadStatement, what: string): Error {
  return new Error(`${engine}, ${world.name}, ${mode}: ${sql}\nwith ${JSON.stringify(params)}: ${what}`)
}
