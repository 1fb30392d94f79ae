import { show } from '../../option.ts'
import type { Dialect, Params } from '../../statement/statement.ts'
import { givenValues } from '../given-values.ts'
import type { ShardMap } from '../shard-map.ts'
import { keysOf, unwrapped } from '../shards/pinned-keys.ts'
import type { KeyPin } from '../shards/key-pins.ts'
import { valueForms, writtenText, type Lookup } from './lookup.ts'
import { LookupWriteError, valueTaken } from './lookup-error.ts'
import type { LookupWrite } from './lookup-plan.ts'
import { storedKey } from './stored-key.ts'

/** A value that a statement gives to a looked-up column, in rows of one shard key. */
export interface Claim {
  readonly lookup: Lookup
  /** The text under which the value has its entry. */
  readonly value: string
  /** The value itself, as a parameter. */
  readonly given: unknown
  /** The key, as its entry has it. */
  readonly key: string
  /** The same for all forms of the key. */
  readonly keyText: string
  /** Of an INSERT its row, from 0. */
  readonly row: number
}

/**
 * The values that a statement with these parameters gives to looked-up columns; NULL is not looked up. Pure.
 *
 * Throws `LookupWriteError` for a value or a key that can have no entry, and the error of a constraint for one that is given to rows
 * with different keys.
 */
export function claimsOf(
  writes: readonly LookupWrite[],
  params: Params,
  map: ShardMap,
  engine: Dialect,
): readonly Claim[] {
  const claims = writes.flatMap((write) => claimsOfWrite(write, params, map))
  const owners = new Map<string, string>()
  for (const { lookup, value, keyText } of claims) {
    const id = `${lookup.name} ${value}`
    const other = owners.get(id)
    if (other !== undefined && other !== keyText)
      throw valueTaken(lookup, engine, 'the statement gives it to rows with different shard keys')
    owners.set(id, keyText)
  }
  return claims
}

function claimsOfWrite({ lookup, values, key: pin }: LookupWrite, params: Params, map: ShardMap): readonly Claim[] {
  const given = givenValues(values, params)
  if (given === undefined)
    throw new LookupWriteError(
      `A parameter that gives ${lookup.name}, which is looked up, is missing. Nothing was sent.`,
    )
  if (given.every(isNull)) return []
  const keys = isInsert(pin) ? keysOf(pin, params) : onlyKey(keysOf(pin, params), lookup, map)
  return keys.flatMap((key, row): Claim[] => {
    const value = given[row]
    if (isNull(value)) return []
    const text = writtenText(lookup.type, value)
    if (text === undefined) {
      throw new LookupWriteError(
        `A value of ${lookup.name} cannot be looked up as the type "${lookup.type}". Nothing was sent. Pass ${valueForms[lookup.type]}.`,
      )
    }
    const keyText = map.keyText(unwrapped(key))
    const stored = storedKey(key, map.keyTypes)
    if (stored === undefined) {
      throw new LookupWriteError(
        `The shard key ${key.map(show).join(', ')} of a row with ${lookup.name}, which is looked up, is not in its usual form. Nothing was sent. ` +
          `Pass it without blanks at its end, and a UUID in small letters with hyphens.`,
      )
    }
    return [{ lookup, value: text, given: value, key: stored, keyText, row }]
  })
}

/** An UPDATE gives one value to all the rows that it changes. */
function onlyKey(
  keys: readonly (readonly unknown[])[],
  lookup: Lookup,
  map: ShardMap,
): readonly (readonly unknown[])[] {
  const different = new Set(keys.map((key) => map.keyText(unwrapped(key))))
  if (different.size <= 1) return keys.slice(0, 1)
  throw new LookupWriteError(
    `The statement gives one value of ${lookup.name}, which is looked up, to rows with ${different.size} shard keys. Nothing was sent. ` +
      'Change the rows of one key at a time.',
  )
}

function isInsert({ columns }: KeyPin): boolean {
  return columns.every(({ operator }) => operator === 'insert')
}

function isNull(value: unknown): boolean {
  return value === null || value === undefined
}
