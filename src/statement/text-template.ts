import { endOfMarked, none, type Mark } from './literals.ts'

/**
 * All texts with one fingerprint, as what stands between their values. To find out whether a text is one of them takes a fraction of what
 * its fingerprint does: what stands between values is compared as a whole, and nothing is put together.
 */
export class TextTemplate {
  /** One more than marks. */
  readonly #between: readonly string[]
  readonly #marks: readonly Mark[]

  private constructor(between: readonly string[], marks: readonly Mark[]) {
    this.#between = between
    this.#marks = marks
  }

  /** Of a fingerprint and a text that has it; `undefined` where marks can be taken for what stands in quotes. */
  static from(fingerprint: string, sql: string): TextTemplate | undefined {
    // oxlint-disable-next-line no-control-regex -- the marks of fingerprints
    const parts = fingerprint.split(/([\u0001-\u0005])/)
    const between = parts.filter((_, n) => n % 2 === 0)
    const marks = parts.filter((_, n) => n % 2 === 1) as Mark[]
    const template = new TextTemplate(between, marks)
    return template.valuesOf(sql) === undefined ? undefined : template
  }

  /** `undefined` if the text does not have the fingerprint; else a hash of its values, comments included: FNV-1a over UTF-16 units, 32 bits (https://datatracker.ietf.org/doc/html/draft-eastlake-fnv). */
  valuesOf(sql: string): number | undefined {
    const between = this.#between
    const marks = this.#marks
    let hash = 0x811c9dc5
    let at = 0
    for (let n = 0; n < marks.length; n += 1) {
      const part = between[n]!
      if (!sql.startsWith(part, at)) return undefined
      at += part.length
      const end = endOfMarked(sql, at, marks[n]!)
      if (end === none) return undefined
      for (; at < end; at += 1) hash = Math.imul(hash ^ sql.charCodeAt(at), 0x01000193)
      // 'a', 'b' are not 'ab' and nothing.
      hash = Math.imul(hash ^ 0x27, 0x01000193)
    }
    const last = between[marks.length]!
    return sql.length === at + last.length && sql.startsWith(last, at) ? hash : undefined
  }
}
