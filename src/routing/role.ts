import { hasReplicas, type Database, type Role } from '../topology/topology.ts'
import type { Effect, Reason } from './route.ts'
import type { PartialRoute } from './router.ts'

/** What a statement is part of, as far as it decides about the role of its server. */
export type Surrounding =
  | 'autocommit'
  | 'transaction'
  | 'read-only transaction'
  | 'reserved connection'
  /** The caller wants the primary. */
  | 'primary'
  /** The caller takes a replica as it is, without what the session wrote. */
  | 'replica'

/** May the statement go to a replica? Only a read may, and only where nothing ties it to the primary. */
export function decideRole(
  database: Database,
  effect: Effect,
  surrounding: Surrounding,
  partial: PartialRoute | undefined,
): { readonly role: Role; readonly reason: Reason } {
  if (!hasReplicas(database)) {
    return partial?.role === 'replica' || surrounding === 'replica'
      ? primary('no-replica', `a replica was asked for, but "${database.alias}" has none`)
      : primary('primary', `${database.shards.length > 1 ? 'each shard of ' : ''}"${database.alias}" has one server`)
  }
  if (effect !== 'read') return primary('primary', 'only the primary takes what may write')
  switch (surrounding) {
    case 'transaction':
      return primary('transaction', 'a transaction runs on the primary')
    case 'reserved connection':
      return primary('reserved', 'a reserved connection is one to the primary')
    case 'primary':
      return primary('primary-asked', 'the primary was asked for')
    case 'read-only transaction':
      return replica('read-only-transaction', 'a read-only transaction may run on a replica')
    case 'replica':
      return replica('replica-asked', 'a replica was asked for, as fresh as it is')
    case 'autocommit':
      return partial?.role === 'primary'
        ? primary('router', 'a router asked for the primary')
        : replica('replica', 'a read may go to a replica')
  }
}

function primary(rule: string, text: string): { role: Role; reason: Reason } {
  return { role: 'primary', reason: { rule, text } }
}

function replica(rule: string, text: string): { role: Role; reason: Reason } {
  return { role: 'replica', reason: { rule, text } }
}
