import type { Analysis } from './analysis.ts'
import type { Analyzer } from './analyzer.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Dialect } from './statement.ts'

/** Analyses by dialect and text: each text is read once, and remembered while it is in use. */
export class AnalysisCache {
  readonly #analyzers: ReadonlyMap<Dialect, Analyzer>
  readonly #entries = new Map<Dialect, BoundedMap<string, Analysis>>()
  readonly #longest: number

  /** `limit`: entries for each dialect. Texts longer than `longest` characters are not kept. */
  constructor(analyzers: readonly Analyzer[], limit: number, longest: number) {
    this.#analyzers = new Map(analyzers.map((analyzer) => [analyzer.dialect, analyzer]))
    for (const { dialect } of analyzers) this.#entries.set(dialect, new BoundedMap(limit))
    this.#longest = longest
  }

  /** The analysis of a text in a dialect. A dialect without analyzer is a defect of the caller. */
  analyze(sql: string, dialect: Dialect): Analysis {
    const analyzer = this.#analyzers.get(dialect)
    const entries = this.#entries.get(dialect)
    if (analyzer === undefined || entries === undefined) throw new Error(`No analyzer was made for the dialect ${dialect}.`)
    const known = entries.get(sql)
    if (known !== undefined) return known
    const analysis = analyzer.analyze(sql)
    if (sql.length <= this.#longest) entries.set(sql, analysis)
    return analysis
  }
}
