import type { Engine } from '../../drivers/driver.ts'
import { UnsupportedError } from '../../errors.ts'
import type { Decision } from '../../execution/decision.ts'
import { quotedName, quotedTable } from '../../statement/quotes.ts'
import type { TableHome, TableName } from '../../topology/table-map.ts'
import { readMove } from './read-move.ts'
import { TextWithValues } from './row-texts.ts'
import type { RowMove } from './row-move.ts'

/** A move, and the shards that its keys lead to. */
export interface PlannedMove {
  readonly move: RowMove
  readonly table: TableName
  readonly engine: Engine
  /** Of a DELETE of what has the old key: where the row is. */
  readonly from: Decision
  /** Of an INSERT with the new key: where it goes. */
  readonly to: Decision
  /** The row gets another shard key, wherever that lives. */
  readonly changesKey: boolean
}

/** What moves are planned with. */
export interface MovePlanning {
  readonly homeOf: (table: string) => { readonly name: TableName; readonly home: TableHome | undefined }
  /** By the alias of a database. */
  readonly engineOf: (database: string) => Engine
  /** Finds the shard of a statement, as if it were to run. */
  readonly decide: (database: string, sql: string, params: readonly unknown[]) => Promise<Decision>
}

/** Throws `ConfigError` for what is no move, and what the choice of a shard throws. Nothing is sent. */
export async function planMoves(
  moves: readonly RowMove[],
  { homeOf, engineOf, decide }: MovePlanning,
): Promise<readonly PlannedMove[]> {
  const plans: PlannedMove[] = []
  for (const [index, move] of moves.entries()) {
    const { table, database, shardKey, keyOf } = readMove(move, `moves[${index}]`, homeOf)
    const engine = engineOf(database)
    const [oldKey, newKey] = [keyOf('key', engine), keyOf('set', engine)]
    const from = await decide(database, ...deletion(engine, table, shardKey, oldKey))
    const to = await decide(database, ...insertion(engine, table, shardKey, newKey))
    const keyText = (key: readonly unknown[]): string | undefined =>
      from.shardMap?.keyText(key.length === 1 ? key[0] : key)
    const changesKey = keyText(oldKey) !== keyText(newKey)
    plans.push({ move, table, engine, from, to, changesKey })
  }
  return plans
}

export function shardNameOf({ route }: Decision): string {
  return route.shards[0] ?? ''
}

export function isCrossing({ from, to }: PlannedMove): boolean {
  return shardNameOf(from) !== shardNameOf(to)
}

/**
 * Whether the moves write on several shards, which have to decide together. Throws `UnsupportedError` where they cannot.
 */
export function needsLog(plans: readonly PlannedMove[]): boolean {
  const places = plans.flatMap(({ from, to }) => [from, to].map(({ route }) => `${route.database}/${route.shards[0]}`))
  if (new Set(places).size === 1) return false
  const sqlite = plans.find(({ engine }) => engine === 'sqlite')
  if (sqlite === undefined) return true
  const { move, from, to } = sqlite
  throw new UnsupportedError(
    `The row of ${move.table} would go from the shard "${shardNameOf(from)}" to "${shardNameOf(to)}", and SQLite cannot prepare a transaction, so that both could ` +
      'not be changed together. Nothing was changed. Insert the row with its new key, look whether it is there, then delete the old one.',
    { database: from.route.database },
  )
}

type Text = readonly [sql: string, params: readonly unknown[]]

function deletion(engine: Engine, table: TableName, columns: readonly string[], key: readonly unknown[]): Text {
  const text = new TextWithValues(engine)
  const same = columns.map((column, index) => `${quotedName(engine, column)} = ${text.value(key[index])}`)
  return [`delete from ${quotedTable(engine, table)} where ${same.join(' and ')}`, text.params]
}

function insertion(engine: Engine, table: TableName, columns: readonly string[], key: readonly unknown[]): Text {
  const text = new TextWithValues(engine)
  const listed = columns.map((column) => quotedName(engine, column)).join(', ')
  const values = key.map((value) => text.value(value)).join(', ')
  return [`insert into ${quotedTable(engine, table)} (${listed}) values (${values})`, text.params]
}
