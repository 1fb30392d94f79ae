import type { CallOptions } from '../config.ts'
import type { Access, DriverRequest } from '../drivers/driver.ts'
import { CrossEngineError, TransactionControlError, UnsupportedError } from '../errors.ts'
import type { AggregationPlan } from '../routing/partial-aggregates.ts'
import type { Reason, Route } from '../routing/route.ts'
import type { ShardMap } from '../routing/shard-map.ts'
import type { NoPlan, RowPlan } from '../routing/scatter/row-plan.ts'
import type { RowsByShard } from '../routing/shards/choose-shards.ts'
import type { KeysByShard } from '../routing/shards/key-owners.ts'
import type { OwnedList } from '../routing/shards/own-values.ts'
import type { RoutedStatement } from '../routing/route-statement.ts'
import type { FunctionUse } from '../statement/analysis.ts'
import type { BoundedMap } from '../statement/bounded-map.ts'
import type { ParameterPlaces } from '../statement/shape/parameter-places.ts'
import type { Params } from '../statement/statement.ts'
import type { Role, Server, Shard } from '../topology/topology.ts'
import type { KeyOrder } from './scatter/key-orders.ts'

/** A routed statement and the server that was picked for it. */
export interface Decision extends RoutedStatement {
  readonly server: Server
  /** The text to send. */
  readonly sql: string
  /** The tables that it has to do with, where sessions wait only for what they wrote; `undefined`: it may be any. */
  readonly touches?: readonly string[] | undefined
  /** Where the shards depend on the parameters: the decisions that were made for them. */
  readonly placements?: Map<string, Decision> | undefined
  readonly shardMap?: ShardMap | undefined
  /** The rule by which its shards were chosen, once they are. */
  readonly shardRule?: string | undefined
  /** In the order of the configuration. */
  readonly shardNames?: readonly string[] | undefined
  /** Of an INSERT of rows of several shards: each shard's, for these parameters. */
  readonly rows?: RowsByShard | undefined
  /** Of several shards: the lists of keys, and what each shard has of them, for these parameters. */
  readonly keyLists?: readonly OwnedList[] | undefined
  /** Of a part of such an INSERT: its rows among those of the whole statement, whose values are these parameters. */
  readonly part?: { readonly rows: readonly number[]; readonly params: Params } | undefined
  /** Of a change: the keys that have led to its shards, if their owners stand in a directory. */
  readonly ownedKeys?: KeysByShard | undefined
  /** It is not known yet on which of its shards it runs: a database has to be asked. Never of one that is carried out. */
  readonly isOpen?: boolean | undefined
  /** The fingerprint of a text that was not seen lately, while others that are alike were: it is not expected to come again itself. */
  readonly oneOffLike?: string | undefined
  /** What was learnt about asking several shards for its rows. */
  readonly scatter?: ScatterMemo | undefined
}

/** How the answers of several shards become one: row by row, or as groups that a server finishes; or what stands in the way. */
export type ScatterPlan = RowPlan | GroupPlan | NoPlan

export interface GroupPlan {
  readonly kind: 'groups'
  readonly plan: AggregationPlan
  readonly memo: GroupMemo
}

/** What the text of a statement with groups does not tell, once a server was asked. */
export interface GroupMemo {
  /** The names of the columns. */
  names?: readonly string[] | undefined
  /** Whether the types of the columns are such that the plan's other one is carried out. */
  isOtherwise?: boolean | undefined
  /** MySQL: the places of the partial rows' columns that are asked for as doubles, too. */
  doubles?: readonly number[] | undefined
}

/** The options of a call, for parts that are sent on its behalf. */
export type SendOptions = Omit<CallOptions, 'rowMode'> & Pick<DriverRequest, 'rowMode' | 'described'>

/** How the text is asked of several shards; found out once for each text. */
export interface ScatterMemo {
  /** Whether a function is one of the engine's own: of others nobody says that they are no aggregates. */
  readonly isBuiltIn: (fn: FunctionUse) => boolean
  plan?: ScatterPlan
  /** Where the parameters and the lists stand in the text. */
  places?: ParameterPlaces
  /** The plans of the texts of shards that differ from the whole. */
  ownPlans?: BoundedMap<string, ScatterPlan>
  /** How the values of each sort key are ordered. */
  orders?: Promise<readonly KeyOrder[]> | undefined
}

/** The shard that a route leads to. */
export function shardOf({ database, route }: RoutedStatement): Shard {
  const shard = database.shards.find(({ name }) => name === route.shards[0])
  if (shard === undefined) throw new UnsupportedError(`The route names no shard of "${database.alias}".`)
  return shard
}

/** Names a shard among all databases; of another one, the shard with the same name. */
export function shardKey({ route }: RoutedStatement, database = route.database): string {
  return `${database}/${route.shards[0] ?? ''}`
}

/** The shard as people know it, which is the database where it has one only; and as errors carry it. */
export function placeOf({ database, route }: RoutedStatement): {
  readonly name: string
  readonly place: { readonly database: string; readonly shard: string }
} {
  const [shard = ''] = route.shards
  const name = database.shards.length === 1 ? `"${database.alias}"` : `The shard "${shard}" of "${database.alias}"`
  return { name, place: { database: database.alias, shard } }
}

/** The decision, carried out on this server for these reasons. */
export function placedOn(decision: Decision, server: Server, role: Role, ...reasons: readonly Reason[]): Decision {
  const route: Route = Object.freeze({
    ...decision.route,
    role,
    server: server.address,
    reasons: Object.freeze([...decision.route.reasons, ...reasons.map((reason) => Object.freeze(reason))]),
  })
  return { ...decision, server, route }
}

/** The decision, with more reasons. */
export function withReasons(decision: Decision, reasons: readonly Reason[]): Decision {
  const all = [...decision.route.reasons, ...reasons.map((reason) => Object.freeze(reason))]
  return { ...decision, route: Object.freeze({ ...decision.route, reasons: Object.freeze(all) }) }
}

/** Picks the server that a route leads to where nothing is known of its shard's servers: the configured primary. */
export function pickServer(routed: RoutedStatement): Server {
  return shardOf(routed).primary
}

/** Where a decision's statement runs, for errors. */
export function whereOf(decision: Decision): { database: string; shard: string; server: string; role: Route['role'] } {
  const { route, server } = decision
  return {
    database: route.database,
    shard: route.shards[0] ?? '',
    server: server.address,
    role: route.server === undefined ? server.role : route.role,
  }
}

/** What goes to the driver. Throws `CrossEngineError` if the text is said to be in a dialect that the database does not speak. */
export function requestOf(
  decision: Decision,
  params: Params,
  options: SendOptions | undefined,
  defaultTimeoutMs: number,
): DriverRequest {
  const { engine, alias } = decision.database
  if (options?.dialect !== undefined && options.dialect !== engine) {
    throw new CrossEngineError(
      `The statement is written for ${options.dialect} and belongs to "${alias}", which is ${engine}. It was not sent: write it for ${engine}.`,
    )
  }
  return {
    sql: decision.sql,
    params,
    access: decision.route.effect satisfies Access,
    rowMode: options?.rowMode,
    types: options?.types,
    timeoutMs: options?.timeoutMs ?? defaultTimeoutMs,
    signal: options?.signal,
    prepare: options?.prepare,
    fetchSize: options?.fetchSize ?? decision.database.pool.fetchSize,
    sender: options?.sender,
    settings: options?.settings,
    oneOffLike: decision.oneOffLike,
    changes: options?.changes,
    untilEnded: options?.untilEnded,
    described: options?.described,
  }
}

/** `BEGIN`, `COMMIT` and the like have methods, which keep the promises about transactions; as text they are refused. */
export function refuseTransactionControl(decision: Decision, insteadUse: string): void {
  if (decision.analysis.kind !== 'transaction') return
  throw new TransactionControlError(
    `${decision.analysis.why}. Transaction control is not sent as text, because the next statement might run on another connection. ` +
      `Use ${insteadUse}. Nothing was sent.`,
  )
}

/**
 * Refuses what would end the open transaction behind everybody's back: a COMMIT or the like among several statements of
 * one text, and on MySQL and MariaDB changes of the schema, before which the server commits.
 */
export function refuseHiddenCommit({ analysis, database }: Decision): void {
  const after = 'nothing of it could be rolled back any more, and what follows would run outside it.'
  if (analysis.kind === 'unknown' && analysis.statements > 1) {
    throw new TransactionControlError(
      `The text is not understood as a whole (${analysis.why}). It may end the transaction: ${after} ` +
        'Send the statements one by one. Nothing was sent.',
    )
  }
  if (database.engine !== 'mysql' || analysis.kind !== 'ddl') return
  throw new TransactionControlError(
    `${analysis.why}, and MySQL and MariaDB commit the open transaction before that: ${after} ` +
      'Run it before or after the transaction. Nothing was sent.',
  )
}
