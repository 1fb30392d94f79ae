import { show } from '../../option.ts'
import type { Dialect } from '../../statement/statement.ts'
import { commentsOf, type TextComments } from '../../statement/text-comments.ts'
import { HintError } from './hint-error.ts'

const mark = 'signalbox:'

/** One thing that a comment says: `using=archive`. */
export interface HintPair {
  readonly key: string
  readonly value: string
  /** As it is written. */
  readonly text: string
}

/** Whether a hint may stand at the start or at the end of a text. What every statement is asked first: two characters as a rule. */
export function mayHaveHint(sql: string): boolean {
  return (beginsComment(sql.charCodeAt(0)) || mayEndComment(sql.charCodeAt(sql.length - 1))) && sql.includes(mark)
}

/** Whether a hint may stand anywhere in a text. */
export function mentionsHint(sql: string): boolean {
  return sql.includes(mark)
}

function beginsComment(code: number): boolean {
  return code === 0x2f || code === 0x2d || code === 0x23 || code <= 0x20
}

function mayEndComment(code: number): boolean {
  return code === 0x2f || code === 0x3b || code <= 0x20
}

/**
 * What the hints of a text say: its comments that begin with `signalbox:`, at its start, and as blocks at its end. It is read in the first of these
 * dialects in which it can be read. Throws `HintError` for a hint anywhere else, and for one that does not consist of `key=value`.
 */
export function hintPairs(sql: string, dialects: readonly Dialect[]): readonly HintPair[] {
  const pairs: HintPair[] = []
  for (const { text, isLine, place } of readable(sql, dialects).comments) {
    const said = text.trimStart()
    if (!said.startsWith(mark)) continue
    if (place === 'within' || (isLine && place === 'end'))
      throw new HintError(
        `The comment ${show(said.trim())} stands ${isLine ? 'on a line' : 'within the statement'}, where no hint counts. ` +
          `Put ${show(said.trim())} at the very start of the text, or behind it, between /* and */.`,
      )
    pairs.push(...pairsOf(said.slice(mark.length), said))
  }
  if (pairs.length > 0 && !mayHaveHint(sql))
    throw new HintError(
      'A line comment stands behind the hint at the end of the text. Put the hint last, or at the very start.',
    )
  return pairs
}

function readable(sql: string, dialects: readonly Dialect[]): TextComments {
  let first: TextComments | undefined
  for (const dialect of dialects) {
    const found = commentsOf(sql, dialect)
    if (found.isWhole) return found
    first ??= found
  }
  // Only what can be read is sure to be no data.
  if (/\/\*\s*signalbox:[^]*\*\/[\s;]*$/.test(sql))
    throw new HintError(
      'The text cannot be read to its end, so nobody can tell whether what looks like a hint there is one. Put it at the start of the text.',
    )
  return first ?? { comments: [], isWhole: false }
}

function pairsOf(body: string, whole: string): readonly HintPair[] {
  const texts = body.split(/[\s,]+/).filter((text) => text !== '')
  if (texts.length === 0)
    throw new HintError(`The hint ${show(whole.trim())} says nothing. Write key=value, such as using=archive.`)
  return texts.map((text) => {
    const at = text.indexOf('=')
    if (at < 1 || at === text.length - 1)
      throw new HintError(
        `The hint ${show(whole.trim())} has ${show(text)} where key=value is to stand. Several are separated by commas; blanks and commas in a value are written %20 and %2C.`,
      )
    return { key: text.slice(0, at), value: decoded(text.slice(at + 1), whole), text }
  })
}

function decoded(value: string, whole: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new HintError(
      `The hint ${show(whole.trim())} has a "%" that is no percent-encoding. Write "%" itself as %25.`,
    )
  }
}
