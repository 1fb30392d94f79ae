import type { Reason } from '../routing/route.ts'

/** Why a statement runs on the server that it runs on. */
export const reasons = {
  balanced: { rule: 'balanced', text: 'chosen among the replicas that may be read' },
  stays: { rule: 'stays', text: 'the session stays on the replica that it reads' },
  untouched: { rule: 'untouched', text: 'the session wrote none of its tables, so no replica is waited for' },
  caughtUp: { rule: 'caught-up', text: 'the replica shows everything that the session wrote or saw' },
  behind: { rule: 'behind', text: 'no replica showed in time what the session wrote or saw, so the primary is read' },
  noPosition: {
    rule: 'no-position',
    text: 'the primary could not say how far it is (SQLite never can), so it is read itself',
  },
  noReplica: { rule: 'no-usable-replica', text: 'no replica can be used, so the primary is read' },
  primary: { rule: 'server', text: 'the primary' },
} as const satisfies Readonly<Record<string, Reason>>

/** What a statement waited for before. */
export const waits = {
  primary: 'it was held until there is a primary',
  role: 'the servers were asked who is the primary',
  position: 'the primary was asked how far it is',
  replica: 'it waited for a replica that shows what its session wrote or saw',
  freshness: 'the servers were asked how fresh the replicas are',
} as const
