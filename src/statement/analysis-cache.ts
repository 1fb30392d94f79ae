import type { Analysis } from './analysis.ts'
import type { Analyzer } from './analyzer.ts'
import { BoundedMap } from './bounded-map.ts'
import { Fingerprints } from './fingerprint.ts'
import { outlineOf } from './outline.ts'
import type { Dialect } from './statement.ts'

/** Thrown inside the client when a text needs an analyzer that is not loaded yet. */
export class AnalyzerNotLoaded extends Error {
  readonly dialect: Dialect
  constructor(dialect: Dialect) {
    super(`The analyzer of the dialect ${dialect} is not loaded.`)
    this.dialect = dialect
  }
}

interface Shelf {
  readonly analyzer: Analyzer
  readonly entries: BoundedMap<string, Analysis>
  /** By fingerprint. */
  readonly outlines: BoundedMap<string, Analysis>
}

/** Analyses by dialect and text: each text is read once, and remembered while it is in use. */
export class AnalysisCache {
  readonly fingerprints = new Fingerprints()
  readonly #shelves = new Map<Dialect, Shelf>()
  readonly #limit: number
  readonly #longest: number

  /** `limit`: entries for each dialect. Texts longer than `longest` characters are not kept. */
  constructor(limit: number, longest: number) {
    this.#limit = limit
    this.#longest = longest
  }

  add(analyzer: Analyzer): void {
    this.#shelves.set(analyzer.dialect, {
      analyzer,
      entries: new BoundedMap(this.#limit),
      outlines: new BoundedMap(this.#limit),
    })
  }

  has(dialect: Dialect): boolean {
    return this.#shelves.has(dialect)
  }

  /** The analysis of a text in a dialect; throws {@link AnalyzerNotLoaded}. */
  analyze(sql: string, dialect: Dialect): Analysis {
    const shelf = this.#shelf(dialect)
    return shelf.entries.get(sql) ?? this.#read(sql, shelf)
  }

  /** As `analyze`, but for values and places in the text, which may be missing: what texts with one fingerprint share. */
  outline(sql: string, dialect: Dialect): Analysis {
    const shelf = this.#shelf(dialect)
    const known = shelf.entries.get(sql)
    if (known !== undefined || sql.length > this.#longest) return known ?? this.#read(sql, shelf)
    const fingerprint = this.fingerprints.of(sql, dialect)
    if (fingerprint === undefined) return this.#read(sql, shelf)
    const alike = shelf.outlines.get(fingerprint)
    if (alike !== undefined) return alike
    const analysis = this.#read(sql, shelf)
    const outline = outlineOf(analysis)
    if (outline !== undefined) shelf.outlines.set(fingerprint, outline)
    return analysis
  }

  #read(sql: string, { analyzer, entries }: Shelf): Analysis {
    const analysis = analyzer.analyze(sql)
    if (sql.length <= this.#longest) entries.set(sql, analysis)
    return analysis
  }

  #shelf(dialect: Dialect): Shelf {
    const shelf = this.#shelves.get(dialect)
    if (shelf === undefined) throw new AnalyzerNotLoaded(dialect)
    return shelf
  }
}
