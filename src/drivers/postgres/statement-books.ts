import { BoundedMap } from '../../statement/bounded-map.ts'
import type { NamedSettings } from '../driver.ts'
import { StatementBook } from './statement-book.ts'

/** Settings for which a pool remembers texts at a time; where there are more of them, those that are used are prepared anew now and then. */
const mostSettings = 64
/** Texts remembered for each of them. */
const mostTexts = 500

/**
 * The SQL texts that a pool has seen, for each settings by themselves: the server reads a text once, when it is prepared, and what it
 * then takes it for hangs on the time zone, the search path, the role, and others.
 */
export class StatementBooks {
  /** Of connections without settings. */
  readonly plain: StatementBook
  readonly #naming: boolean
  readonly #books = new BoundedMap<string, StatementBook>(mostSettings)

  /** As for {@link StatementBook}. */
  constructor(naming: boolean) {
    this.plain = new StatementBook(naming)
    this.#naming = naming
  }

  of(settings: NamedSettings | undefined): StatementBook {
    if (settings === undefined) return this.plain
    const known = this.#books.get(settings.key)
    if (known !== undefined) return known
    const book = new StatementBook(this.#naming, mostTexts)
    this.#books.set(settings.key, book)
    return book
  }
}
