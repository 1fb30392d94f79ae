/**
 * How an engine orders the values of one type. Of each value a key is made once; keys are compared often. NULL never gets
 * here.
 */
export interface ValueOrder<Key> {
  /** Which values there can be, for messages: 'a …, or a …'. */
  readonly form: string
  /** `undefined` for what is not such a value: nobody may guess where it belongs. */
  keyOf(value: unknown): Key | undefined
  compare(a: Key, b: Key): number
}

/** For keys whose own order is the wanted one. Never for text that is not prepared: `<` compares UTF-16 code units. */
export function compareKeys<Key extends number | bigint | string>(a: Key, b: Key): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

/** A text without the characters of one kind at its end. Not a regular expression: these take quadratic time. */
export function withoutEnding(text: string, character: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === character) end -= 1
  return text.slice(0, end)
}
