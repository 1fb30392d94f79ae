import { givenValues } from '../given-values.ts'
import type { ShardMap } from '../shard-map.ts'
import { Unanswered, type ShardAnswers, type ShardQuestion } from '../shards/unanswered.ts'
import type { Params } from '../../statement/statement.ts'
import { valueText, type Lookup } from './lookup.ts'
import type { LookupPin } from './lookup-plan.ts'
import { keyOfStored } from './stored-key.ts'

/** Under this name a lookup is asked for the keys of values, by their texts; and it stands for the lookup in messages. */
export function lookupOf({ name }: Pick<Lookup, 'name'>): string {
  return `the lookup ${name}`
}

/** The answer of a lookup that does not have all rows yet: nobody knows. A stored key is never empty. */
export const notFilled = ''

/**
 * The keys that rows with the looked-up values can have; `undefined` if that is not known: there are no pins, a value is none that has an
 * entry, or the lookup has not been filled. Throws `Unanswered` where it has to be asked: all questions at once.
 */
export function lookedUpKeys(
  pins: readonly LookupPin[],
  params: Params,
  { keyTypes }: ShardMap,
  answers: ShardAnswers | undefined,
): readonly (readonly unknown[])[] | undefined {
  if (pins.length === 0) return undefined
  const questions: ShardQuestion[] = []
  for (const { lookup, values } of pins) {
    const given = givenValues(values, params)
    if (given === undefined) return undefined
    for (const value of new Set(given)) {
      // A condition on NULL holds for no row.
      if (value === null || value === undefined) continue
      const subject = valueText(lookup.type, value)
      if (subject === undefined) return undefined
      questions.push({ about: lookupOf(lookup), subject, intent: 'find' })
    }
  }
  const found = questions.map((question) => answers?.of(question))
  const missing = questions.filter((_, index) => found[index] === undefined)
  if (missing.length > 0) throw new Unanswered(missing)
  if (found.includes(notFilled)) return undefined
  return found.flatMap((stored) => (typeof stored === 'string' ? [keyOfStored(stored, keyTypes)] : []))
}
