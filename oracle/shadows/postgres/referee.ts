import type { PlayedStatement } from '../model.ts'
import type { Outcome } from '../outcome.ts'
import type { Played, Referee, Runs, Verdict } from '../referee.ts'

/** The last number that each sequence gave, by its name. */
type Numbers = Readonly<Record<string, string | null>>

const readNumbers = `select sequencename as name, last_value::text as last from pg_sequences
  where schemaname in ('public', 'signalbox_local') order by 1`

/** Objects in use: what waits for the end of the transaction may be the proof of a copy. */
const pendingEvents = '[55006]'

/** A foreign key that is broken, and its table. */
const brokenKey = /\[23503 of .*\]$/

/** Where an error is counts in the text that the shadow has made. */
const position = /; at character \d+ of the statement/

/** An UPDATE to defaults, which may be numbers of a sequence. */
const givesDefaults = /\bupdate\b[^;]*=\s*default\b/i

/** Constraints, and values that are too long for their columns. */
const rowError = /\[2[23]\w{3}/

/**
 * A statement that fails on a shadow, meets a conflict, or refers to a table that nothing was changed in so far, may run there more than once, and so use up more numbers: then the copy is made
 * to go on with the same ones. They may not be fewer, and everywhere else they are compared, too.
 */
export class PostgresReferee implements Referee {
  readonly #given: (Numbers | undefined)[] = []
  #next = 0
  #mayDiffer = false
  readonly #usedMore = new Set<PlayedStatement>()
  /** Those that give rows that are there already new numbers. */
  readonly #numbersRows = new Set<PlayedStatement>()

  async afterShadow(on: Runs, statement: PlayedStatement, outcome: Outcome): Promise<Outcome> {
    if (!statement.isChange) return outcome
    const numbers = await numbersOf(on)
    if (givesDefaults.test(statement.sql) && told(numbers) !== told(this.#given.at(-1)))
      this.#numbersRows.add(statement)
    this.#given.push(numbers)
    return `${outcome}${told(numbers)}`
  }

  async afterCopy(on: Runs, statement: PlayedStatement, outcome: Outcome): Promise<Outcome> {
    const { isChange, sql, mayUseMore } = statement
    if (!isChange) return outcome
    const given = this.#given[this.#next++]
    const numbers = sameNames(await numbersOf(on), given)
    if (mayUseMore || /^\w*Error/.test(outcome) || / on conflict/i.test(sql)) this.#mayDiffer = true
    if (given === undefined || numbers === undefined) {
      // Its error has ended the transaction there, and on the shadow it met another number.
      if (given !== undefined && /insert|default/i.test(sql)) this.#usedMore.add(statement)
      return `${outcome}${told(given)}`
    }
    if (!this.#mayDiffer) return `${outcome}${told(numbers)}`
    this.#mayDiffer = false
    const ahead = Object.entries(given).filter(([name, last]) => last !== numbers[name])
    if (ahead.some(([name, last]) => BigInt(last ?? 0) < BigInt(numbers[name] ?? 0)))
      return `${outcome}${told(numbers)}`
    if (ahead.length > 0) this.#usedMore.add(statement)
    for (const [name, last] of ahead)
      await on.query('select setval($1::text::regclass, $2::text::bigint)', [`public."${name}"`, last])
    return `${outcome}${told(given)}`
  }

  verdict({ text, outcome, statement }: Played, due: Outcome): Verdict {
    const hasUsedMore = statement !== undefined && this.#usedMore.has(statement)
    const numbersRows = statement !== undefined && this.#numbersRows.has(statement) && !/^[01] rows/.test(outcome)
    if (outcome === due && !numbersRows && !(hasUsedMore && /^[1-9]/.test(outcome))) return 'same'
    const [came, should] = [outcome, due].map((text) => text.replace(/ numbers .*$/, '').replace(position, ''))
    if (hasUsedMore) return { excluded: 'A statement that ran more than once has used other numbers' }
    if ((statement?.form === 'truncate' || statement?.form === 'add column') && came!.includes(pendingEvents))
      return {
        excluded:
          'PostgreSQL empties and alters no table whose copies have keys that wait for the end of the transaction',
      }
    if (numbersRows) return { excluded: 'Rows have no order: which of them gets which number is left open' }
    if (outcome.replace(position, '') === due.replace(position, '')) return 'same'
    // Proofs wait in the order of the changes, and copies are made before the change that needs them.
    if (text.includes('COMMIT') && brokenKey.exec(came!)?.[0] === (brokenKey.exec(should!)?.[0] ?? ''))
      return { leftOpen: 'At the end both sides tell of one foreign key, but of another of its tables' }
    // Rows have no order: which of them is met first, and so which error is told, is left open where there are several.
    if (statement?.isOfMany === true && rowError.test(came!) && rowError.test(should!))
      return { leftOpen: 'Both sides tell of a broken constraint, but of another one' }
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

/** A table that is shown as the base has it needs no numbers. */
function sameNames(numbers: Numbers | undefined, given: Numbers | undefined): Numbers | undefined {
  if (numbers === undefined || given === undefined) return numbers
  return Object.fromEntries(Object.entries(numbers).filter(([name]) => name in given))
}

function told(numbers: Numbers | undefined): string {
  return numbers === undefined ? '' : ` numbers ${JSON.stringify(numbers)}`
}
