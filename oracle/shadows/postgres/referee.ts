import type { PlayedStatement } from '../model.ts'
import type { Outcome } from '../outcome.ts'
import type { Played, Referee, Runs, Verdict } from '../referee.ts'

/** The last number that each sequence gave, by its name. */
type Numbers = Readonly<Record<string, string | null>>

const readNumbers = `select sequencename as name, last_value::text as last from pg_sequences
  where schemaname in ('public', 'signalbox_local') order by 1`

/** Constraints, and values that are too long for their columns. */
const rowError = /\[2[23]\w{3}/

/**
 * A statement that fails on a shadow, or meets a conflict, may run there more than once, and so use up more numbers: then the copy is made
 * to go on with the same ones. They may not be fewer, and everywhere else they are compared, too.
 */
export class PostgresReferee implements Referee {
  readonly #given: (Numbers | undefined)[] = []
  #next = 0
  #mayDiffer = false
  /** Statements on both sides that broke one of several constraints, of which PostgreSQL tells the first that it meets. */
  otherFirst = 0

  async afterShadow(on: Runs, { isChange }: PlayedStatement, outcome: Outcome): Promise<Outcome> {
    if (!isChange) return outcome
    const numbers = await numbersOf(on)
    this.#given.push(numbers)
    return `${outcome}${told(numbers)}`
  }

  async afterCopy(on: Runs, { isChange, sql }: PlayedStatement, outcome: Outcome): Promise<Outcome> {
    if (!isChange) return outcome
    const given = this.#given[this.#next++]
    const numbers = await numbersOf(on)
    if (/^\w*Error/.test(outcome) || / on conflict/i.test(sql)) this.#mayDiffer = true
    if (given === undefined || numbers === undefined) return `${outcome}${told(given)}`
    if (!this.#mayDiffer) return `${outcome}${told(numbers)}`
    this.#mayDiffer = false
    const ahead = Object.entries(given).filter(([name, last]) => last !== numbers[name])
    if (ahead.some(([name, last]) => BigInt(last ?? 0) < BigInt(numbers[name] ?? 0)))
      return `${outcome}${told(numbers)}`
    for (const [name, last] of ahead)
      await on.query('select setval($1::text::regclass, $2::text::bigint)', [`public."${name}"`, last])
    return `${outcome}${told(given)}`
  }

  verdict({ outcome, statement }: Played, due: Outcome): Verdict {
    if (outcome === due) return 'same'
    const [came, should] = [outcome, due].map((text) => text.replace(/ numbers .*$/, ''))
    // Rows have no order: which of them is met first, and so which error is told, is left open where there are several.
    if (statement?.isOfMany === true && rowError.test(came!) && rowError.test(should!)) {
      this.otherFirst++
      return 'same'
    }
    return { came: outcome, due }
  }
}

async function numbersOf(on: Runs): Promise<Numbers | undefined> {
  try {
    const { rows } = await on.query<{ name: string; last: string | null }>(readNumbers)
    return Object.fromEntries(rows.map(({ name, last }) => [name, last]))
  } catch {
    // The transaction has failed; it is looked at when it is over.
    return undefined
  }
}

function told(numbers: Numbers | undefined): string {
  return numbers === undefined ? '' : ` numbers ${JSON.stringify(numbers)}`
}
