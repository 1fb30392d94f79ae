import { QueryError } from '../../errors.ts'
import { parseLsn } from '../../topology/position.ts'
import type { CommitFate, DriverRequest, DriverResult } from '../driver.ts'

/**
 * What has to be known of a transaction before its COMMIT, to find out afterwards on another connection, maybe after a
 * restart or a failover, whether it took effect.
 */
export interface CommitEvidence {
  /** The transaction's id, with its epoch. */
  readonly id: string
  readonly cluster: string
  readonly timeline: number
  /** The end of the log after the transaction's first write. */
  readonly lsn: bigint
  /** The end of the last recovery of the server; `undefined` if it was started in an orderly way. */
  readonly recoveredTo: bigint | undefined
}

/** What the server says of itself that is asked for a transaction's fate. */
export interface HistoryFacts extends Pick<CommitEvidence, 'cluster' | 'timeline' | 'recoveredTo'> {
  readonly standby: boolean
}

/** What it says of the transaction id: `future` if it has not been assigned, `forgotten` if it is too old. */
export type IdStatus = 'committed' | 'aborted' | 'in progress' | 'forgotten' | 'future'

/**
 * Asked within the transaction, behind its first write, so it has to be cheap and must not fail: that would end the
 * transaction. Names are qualified because the search path is the application's, and everything is text because the
 * parsers of types are. On a standby the log has no end to insert at; no transaction has an id there. The names of the
 * functions for ids are those before version 13, which all later ones know.
 */
export const evidenceText = `select pg_catalog.txid_current_if_assigned()::text as id,
case when pg_catalog.txid_current_if_assigned() is not null then pg_catalog.pg_current_wal_insert_lsn()::text end as lsn,
pg_catalog.pg_last_wal_replay_lsn()::text as recovered_to`

/**
 * Asked outside of transactions: of each connection once, and for a transaction's fate. An account that may not call one
 * of the functions, or a server that only speaks PostgreSQL's protocol, answers with an error, and is asked no more.
 */
export const factsText = `select role.standby::text, (select system_identifier::text from pg_catalog.pg_control_system()),
case when role.standby then '0' else ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8))::bit(32)::int8::text end,
pg_catalog.pg_last_wal_replay_lsn()::text, pg_catalog.txid_current_if_assigned()::text
from (select pg_catalog.pg_is_in_recovery() as standby offset 0) role`

const statusText = 'select pg_catalog.txid_status($1::bigint)'
/** "transaction ID … is in the future" (invalid_parameter_value). */
const idInFuture = '22023'

export type Row = readonly (string | null)[]

/** The answer to `factsText`. */
export function readFacts(row: Row | undefined): HistoryFacts {
  const [standby, cluster, timeline, recoveredTo] = row ?? []
  return {
    standby: standby !== 'false',
    cluster: cluster ?? '',
    timeline: Number(timeline),
    recoveredTo: parseLsn(recoveredTo ?? ''),
  }
}

/**
 * The answer to `evidenceText`; `undefined` if the transaction has no id yet. The end of the last recovery is asked each
 * time, because a pooler between may have changed the server behind the connection.
 */
export function readEvidence(row: Row | undefined, { cluster, timeline }: HistoryFacts): CommitEvidence | undefined {
  const [id, lsn, recoveredTo] = row ?? []
  const at = parseLsn(lsn ?? '')
  if (id == null || at === undefined) return undefined
  return { id, cluster, timeline, lsn: at, recoveredTo: parseLsn(recoveredTo ?? '') }
}

/** Asks on one connection, which must not be in a transaction. Errors as `Lease.query`. */
export async function askFate(
  evidence: CommitEvidence,
  query: (request: DriverRequest) => Promise<DriverResult>,
): Promise<CommitFate> {
  const request = { access: 'read', rowMode: 'array', prepare: false } as const
  const { rows } = await query({ ...request, sql: factsText, params: [] })
  const facts = readFacts((rows as readonly Row[])[0])
  if (facts.standby || facts.cluster !== evidence.cluster) return judgeFate(evidence, facts, 'future')
  // One connection is one life of the server, so the facts hold for this answer, too.
  let status: IdStatus
  try {
    const answer = await query({ ...request, sql: statusText, params: [evidence.id] })
    status = ((answer.rows as readonly Row[])[0]?.[0] ?? 'forgotten') as IdStatus
  } catch (error) {
    if (!(error instanceof QueryError) || error.engineCode !== idInFuture) throw error
    status = 'future'
  }
  return judgeFate(evidence, facts, status)
}

/**
 * The fate of a transaction, from what was noted in it and what a server says now.
 *
 * A status alone proves nothing after a crash or a promotion: what was not in the log that was replayed is gone, and its
 * ids are assigned again, to other transactions. So the end of the last recovery is looked at. If that is the one of
 * then, or the server was started in an orderly way, nothing has been lost since. Otherwise the recovery has come past
 * the transaction's first write, and its id is its own; or it has not, and the transaction is not in this history.
 * Not covered: a transaction whose first write leaves no trace in the log (temporary and unlogged tables).
 */
export function judgeFate(then: CommitEvidence, now: HistoryFacts, status: IdStatus): CommitFate {
  if (now.standby) return open('the server asked is a standby', false)
  if (now.cluster !== then.cluster) return open('the server asked belongs to another cluster', true)
  const promoted = now.timeline !== then.timeline
  const { recoveredTo } = now
  if (promoted && (now.timeline !== then.timeline + 1 || recoveredTo === undefined)) {
    return open(`the server asked is on timeline ${now.timeline}, the transaction ran on ${then.timeline}`, true)
  }
  const recovered = recoveredTo !== undefined && (promoted || recoveredTo !== then.recoveredTo)
  const isLost = recovered && recoveredTo < then.lsn
  if (isLost || status === 'aborted') {
    // The server that it ran on may live on and have it, until it is made a replica of the new primary.
    return promoted ? open('the new primary does not have it; the old one may', true) : { kind: 'rolled back' }
  }
  if (status === 'committed') return { kind: 'committed' }
  if (status === 'in progress') return open('the server still works on it', false)
  return open(`the server does not know the transaction (${status})`, true)
}

function open(why: string, final: boolean): CommitFate {
  return { kind: 'open', why, final }
}
