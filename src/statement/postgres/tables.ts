import type { Span, TableAppearance, TableUse } from '../analysis.ts'
import { tableEntry, type TableEntry } from '../appearances/table-entry.ts'
import { nameOf, nextToken, type Token } from './tokens.ts'
import { numberAt, textAt, type Tree } from './tree.ts'

/** One appearance of a table in the text. */
export interface Appearance {
  readonly name: string
  readonly schema: string | undefined
  /** Number of the statement in the text, from 0. */
  readonly statement: number
  readonly entry: TableEntry
}

type Access = TableUse['access']

interface Named {
  readonly name: string
  readonly schema: string | undefined
  readonly access: Access
  readonly place: TableAppearance['place']
  readonly span: Span | undefined
}

/** Gathers the tables that a text names, and where each name stands. */
export class TableCollector {
  readonly #sql: string
  readonly #uses = new Map<string, { name: string; schema: string | undefined; access: Access; spans: Span[] }>()
  readonly appearances: Appearance[] = []
  #offsets: Uint32Array | undefined
  /** Where the next search for a name begins; undefined once a search was in vain. */
  #searched: number | undefined = 0

  constructor(sql: string) {
    this.#sql = sql
  }

  /** Notes a `RangeVar`. */
  addRangeVar(rangeVar: Tree, access: Access, statement: number, place: TableAppearance['place']): Appearance {
    const name = textAt(rangeVar, 'relname') ?? ''
    const schema = textAt(rangeVar, 'schemaname')
    const location = numberAt(rangeVar, 'location') ?? -1
    const parts = 1 + (schema === undefined ? 0 : 1) + (textAt(rangeVar, 'catalogname') === undefined ? 0 : 1)
    const span = location < 0 ? undefined : this.#spanFrom(this.position(location), parts)
    return this.#add({ name, schema, access, place, span }, statement)
  }

  /** Notes a table that the tree names only by strings (`DROP TABLE`, `COMMENT ON`): its place is searched. */
  addNamed(names: readonly string[], access: Access, statement: number, from: number): Appearance | undefined {
    const name = names.at(-1)
    if (name === undefined) return undefined
    const span = this.#search(names, from)
    return this.#add({ name, schema: names.at(-2), access, place: 'target', span }, statement)
  }

  #add({ name, schema, access, place, span }: Named, statement: number): Appearance {
    const key = `${access} ${JSON.stringify(schema)} ${name}`
    const use = this.#uses.get(key) ?? { name, schema, access, spans: [] }
    if (use.spans.length === 0) this.#uses.set(key, use)
    if (span !== undefined) use.spans.push(span)
    const position = span?.start ?? this.#sql.length
    const appearance = { name, schema, statement, entry: tableEntry(name, schema, position, place) }
    this.appearances.push(appearance)
    return appearance
  }

  /** The UTF-16 position of a byte offset in UTF-8, which is what the parser counts in. */
  position(offset: number): number {
    this.#offsets ??= utf16Positions(this.#sql)
    return this.#offsets.length === 0 ? offset : (this.#offsets[offset] ?? this.#sql.length)
  }

  #spanFrom(start: number, parts: number): Span | undefined {
    let end = start
    let position = start
    for (let part = 0; part < parts; part += 1) {
      if (part > 0) {
        const dot = nextToken(this.#sql, position)
        if (dot === undefined || this.#sql.charAt(dot.start) !== '.') return undefined
        position = dot.end
      }
      const token = nextToken(this.#sql, position)
      if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) return undefined
      end = this.#endOfName(token)
      position = end
    }
    return { start, end }
  }

  /** A name with Unicode escapes may go on: `U&"d!0061ta" UESCAPE '!'`. */
  #endOfName(token: Token): number {
    if (token.kind !== 'quoted' || this.#sql.charAt(token.start) === '"') return token.end
    const word = nextToken(this.#sql, token.end)
    if (word?.kind !== 'word' || nameOf(this.#sql, word) !== 'uescape') return token.end
    return nextToken(this.#sql, word.end)?.end ?? token.end
  }

  /** Names are asked for in the order of the text, so each search goes on where the last one ended. */
  #search(names: readonly string[], from: number): Span | undefined {
    if (this.#searched === undefined) return undefined
    let position = Math.max(from, this.#searched)
    for (let token = nextToken(this.#sql, position); token !== undefined; token = nextToken(this.#sql, position)) {
      position = token.end
      if (token.kind !== 'word' && token.kind !== 'quoted') continue
      const span = this.#spanFrom(token.start, names.length)
      if (span === undefined || !this.#reads(span.start, names)) continue
      this.#searched = span.end
      return span
    }
    this.#searched = undefined
    return undefined
  }

  #reads(start: number, names: readonly string[]): boolean {
    let position = start
    for (const name of names) {
      let token = nextToken(this.#sql, position)
      if (token !== undefined && this.#sql.charAt(token.start) === '.') token = nextToken(this.#sql, token.end)
      if (token === undefined || nameOf(this.#sql, token) !== name) return false
      position = token.end
    }
    return true
  }

  /** The tables, in the order of their first appearance. */
  tables(): TableUse[] {
    const first = (use: { readonly spans: readonly Span[] }): number => use.spans[0]?.start ?? this.#sql.length
    const uses = [...this.#uses.values()].map(({ name, schema, access, spans }) => {
      const inOrder = spans.toSorted((a, b) => a.start - b.start)
      return schema === undefined ? { name, access, spans: inOrder } : { name, schema, access, spans: inOrder }
    })
    return uses.toSorted((a, b) => first(a) - first(b))
  }
}

/** For each byte offset its UTF-16 position; empty when the two are the same (plain ASCII). */
function utf16Positions(sql: string): Uint32Array {
  const bytes = Buffer.byteLength(sql, 'utf8')
  if (bytes === sql.length) return new Uint32Array(0)
  const positions = new Uint32Array(bytes + 1)
  let offset = 0
  let position = 0
  for (const character of sql) {
    const width = Buffer.byteLength(character, 'utf8')
    positions.fill(position, offset, offset + width)
    offset += width
    position += character.length
  }
  positions[offset] = position
  return positions
}
