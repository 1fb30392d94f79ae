import type { ReadOptions } from '../config.ts'
import type { Reason } from '../routing/route.ts'
import { ShardMemory } from '../routing/session.ts'
import type { Surroundings } from '../routing/surroundings.ts'
import { shardKey, withReasons, type Decision } from './decision.ts'
import type { ReadWishes } from './placement.ts'

/** `looks`: nothing is read, and the session stays as it is. */
export type Purpose = 'reads' | 'looks'

const reasons = {
  tags: { rule: 'tags', text: 'only replicas with the tags that were asked for may be read' },
  maxStaleness: { rule: 'max-staleness', text: 'only replicas that are no further behind than was said may be read' },
  atLeast: { rule: 'at-least', text: 'the rows must show at least what a token stands for' },
  ignored: {
    rule: 'token-ignored',
    text: 'a token for what the rows must show cannot be used, so it asks for nothing',
  },
} as const satisfies Readonly<Record<string, Reason>>

/** What a read wants of its server: what its session needs, what the scopes around it ask for, and what its own options say. */
export function readWishes(
  decision: Decision,
  surroundings: Surroundings,
  options: ReadOptions | undefined,
  purpose: Purpose,
): ReadWishes {
  const { memory, shared, atLeast } = surroundings
  const key = shardKey(decision)
  const floor = atLeast?.memory.of(key)
  const session = memory.of(key)
  const isRaised = floor !== undefined && floor.need !== 'nothing'
  return {
    memory: isRaised ? raised(session, floor, shared || purpose === 'looks') : session,
    touches: decision.touches,
    shared,
    sticky: !shared && decision.database.replication.stickiness === 'session',
    anyState: (options?.role ?? surroundings.role) === 'replica' && !isRaised,
    tags: options?.tags ?? surroundings.tags ?? [],
    maxStalenessMs: options?.maxStalenessMs ?? surroundings.maxStalenessMs,
  }
}

/** The decision with the reasons that the wishes add to those of its route. */
export function wished(decision: Decision, wishes: ReadWishes, { atLeast }: Surroundings): Decision {
  if (decision.route.role !== 'replica') return decision
  const added: Reason[] = []
  if (wishes.tags.length > 0) added.push(reasons.tags)
  if (wishes.maxStalenessMs !== undefined) added.push(reasons.maxStaleness)
  if (atLeast !== undefined && atLeast.memory.of(shardKey(decision)).need !== 'nothing') added.push(reasons.atLeast)
  if (atLeast?.ignored === true) added.push(reasons.ignored)
  return added.length === 0 ? decision : withReasons(decision, added)
}

/**
 * What the session needs, and what the token stands for. In a session that is the same from here on: once a read has shown it,
 * the later ones must. Outside, where many callers share a memory, it is nobody else's.
 */
function raised(session: ShardMemory, floor: ShardMemory, ofItsOwn: boolean): ShardMemory {
  if (!ofItsOwn) {
    session.adopt(floor)
    return session
  }
  const own = new ShardMemory()
  own.stay = session.stay
  own.adopt(session)
  own.adopt(floor)
  return own
}
