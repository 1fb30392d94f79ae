/** What a token is. A plain number, so that a list of tokens is a few flat arrays. */
export const tokenType = {
  /** An unquoted word: keyword or name. */
  word: 1,
  /** A quoted name. */
  quotedName: 2,
  /** MySQL `"x"`: a string, or a name if the server's `sql_mode` has `ANSI_QUOTES`. */
  doubleQuoted: 3,
  string: 4,
  number: 5,
  /** Hexadecimal, bit and blob literals. */
  binary: 6,
  /** `?`, `?3`: `links` holds its index, or -1 if it is not known. */
  parameter: 7,
  /** `:name`, and on SQLite `@name` and `$name`. */
  namedParameter: 8,
  /** MySQL `@name`. */
  userVariable: 9,
  /** MySQL `@@name`; its word is the name in upper case. */
  systemVariable: 10,
  /** Operators and brackets; the word is the text itself. */
  punctuation: 11,
} as const

/** Brackets nested deeper than this make a text unreadable; MySQL and SQLite give up at a few hundred or thousand too. */
const maxDepth = 400

/**
 * The tokens of one text, without white space and comments.
 *
 * `words` holds the upper-case text of unquoted ASCII words and the text of punctuation; it is empty for all other
 * tokens, and for a name right behind a dot, so that such a name is never taken for a keyword.
 */
export class TokenList {
  readonly sql: string
  readonly types: number[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  readonly words: string[] = []
  /** For a bracket the index of its partner; for a parameter its index; else -1. */
  readonly links: number[] = []
  /** Why the text can't be read on, or empty. */
  trouble = ''
  /** MySQL: a backslash keeps a `'` string open, so the text reads differently under `NO_BACKSLASH_ESCAPES`. */
  escapedSingle = false
  /** MySQL: a backslash keeps a `"` string open: reads differently under `NO_BACKSLASH_ESCAPES` or `ANSI_QUOTES`. */
  escapedDouble = false
  /** MySQL: where each executable comment ends. */
  readonly executableEnds: number[] = []
  /** MySQL: indexes of the first token inside, and the first token behind, each executable comment. */
  readonly executableTokens: number[] = []
  readonly #open: number[] = []

  constructor(sql: string) {
    this.sql = sql
  }

  get length(): number {
    return this.types.length
  }

  push(type: number, start: number, end: number, word: string, link = -1): void {
    this.types.push(type)
    this.starts.push(start)
    this.ends.push(end)
    this.words.push(word)
    this.links.push(link)
  }

  pushPunctuation(start: number, end: number, text: string): void {
    const index = this.types.length
    this.push(tokenType.punctuation, start, end, text)
    if (text === '(') {
      if (this.#open.push(index) > maxDepth) this.trouble = `brackets are nested more than ${maxDepth} deep`
    } else if (text === ')') {
      const partner = this.#open.pop()
      if (partner === undefined) {
        this.trouble = 'a closing bracket has no opening one'
      } else {
        this.links[index] = partner
        this.links[partner] = index
      }
    } else if (text === ';' && this.#open.length > 0) {
      this.trouble = 'a semicolon stands inside brackets'
    }
  }

  /** Call once behind the last token. */
  finish(): void {
    if (this.trouble === '' && this.#open.length > 0) this.trouble = 'a bracket is not closed'
  }

  word(index: number): string {
    return this.words[index] ?? ''
  }

  type(index: number): number {
    return this.types[index] ?? 0
  }

  start(index: number): number {
    return this.starts[index] ?? this.sql.length
  }

  end(index: number): number {
    return this.ends[index] ?? this.sql.length
  }

  /** Partner of the bracket at `index`. Brackets are balanced in every list without trouble. */
  partner(index: number): number {
    return this.links[index] ?? -1
  }

  text(index: number): string {
    return this.sql.slice(this.start(index), this.end(index))
  }

  /** The name that a word or a quoted token stands for. */
  unquoted(index: number): string {
    const text = this.text(index)
    if (this.types[index] === tokenType.word) return text
    const quote = text[0] ?? ''
    const inner = text.slice(1, -1)
    return quote !== '[' && inner.includes(quote) ? inner.replaceAll(quote + quote, quote) : inner
  }
}
