import type { ShadowWorld } from '../model.ts'
import type { Outcome } from '../outcome.ts'
import type { Played, Referee, Runs, Verdict } from '../referee.ts'

const brokenKey = 'FOREIGN KEY constraint failed'

/** Leaves out what `last_insert_rowid()` and `changes()` tell behind a statement that has failed, and what SQLite itself does not hold to. */
export class SqliteReferee implements Referee {
  readonly #world: ShadowWorld
  #isStale = false
  #isUncounted = false

  constructor(world: ShadowWorld) {
    this.#world = world
  }

  async afterShadow(_: Runs, __: unknown, outcome: Outcome): Promise<Outcome> {
    return await Promise.resolve(outcome)
  }

  async afterCopy(on: Runs, _: unknown, outcome: Outcome): Promise<Outcome> {
    return (await breaksItself(on, this.#world)) ? 'broken' : outcome
  }

  verdict({ outcome, statement }: Played, other: Outcome, before: readonly Played[]): Verdict {
    if (other === 'broken') return { excluded: 'SQLite itself has let a row through that breaks a foreign key' }
    if (statement?.form === 'insert')
      this.#isStale = /^\w*Error/.test(outcome) || (this.#isStale && !(statement.numbersRows && /^[1-9]/.test(outcome)))
    // A shadow notes the column, which is a change.
    if (statement?.form === 'add column') this.#isUncounted = true
    if (statement?.isChange && outcome !== 'refused') this.#isUncounted = /^\w*Error/.test(outcome)
    const told = (text: Outcome): Outcome => {
      const numbered = this.#isStale ? withoutId(text) : text
      return this.#isUncounted && statement?.form === 'counts' ? numbered.replace(/\[\d+/, '[') : numbered
    }
    const [came, due] = [told(outcome), told(other)].map(withoutMissed) as [Outcome, Outcome]
    if (came === due) return 'same'
    if (due.includes(brokenKey) && before.some((step) => step.outcome.includes(brokenKey)))
      return { excluded: 'SQLite itself still counts the deferred keys of a statement that has failed' }
    if (knowsFailedColumn(before))
      return { excluded: 'SQLite itself still knows a column that could not be added, until its transaction ends' }
    return { came, due }
  }
}

/** What `last_insert_rowid()` tells behind an INSERT that failed depends on when it failed; so does `changes()`. */
function withoutId(outcome: Outcome): Outcome {
  return outcome.replace(/id -?\d+/, 'id').replace(/^(1 rows, id undefined: \[\d+),-?\d+\]/, '$1]')
}

/**
 * Which of the names that a table does not have is missed first, and by which name the table is called then, is of no interest; nor whether
 * SQLite has seen an error of the text when it was prepared, or only when it ran, behind a definition that was undone; nor which error of several.
 */
function withoutMissed(outcome: Outcome): Outcome {
  return outcome
    .replace(/\((?:syntax|other)\): SQLite/, ': SQLite')
    .replace(/ table main\./i, ' table ')
    .replace(/(?:no such column: |table .* has no column named |RETURNING may not use ).*/, 'no such column')
}

/**
 * Whether an ADD COLUMN has failed in the transaction that is open. SQLite (3.53) then says "duplicate column name" of a second attempt, though its own
 * schema does not have the column.
 */
function knowsFailedColumn(before: readonly Played[]): boolean {
  const begun = before.findLastIndex(({ text }) => /^\s*begin/i.test(text))
  const ended = before.findLastIndex(({ text }) => /^\s*(?:commit|rollback(?!\s+to))/i.test(text))
  const failed = ({ statement, outcome }: Played): boolean =>
    statement?.form === 'add column' && /^\w*Error/.test(outcome)
  return begun > ended && before.slice(begun).some(failed)
}

/** Whether the engine itself has let a row through that breaks a foreign key, as SQLite does where rows refer to their own table. */
async function breaksItself(on: Runs, { definitions }: ShadowWorld): Promise<boolean> {
  if (definitions.some((sql) => sql.includes('deferred'))) return false
  try {
    return (await on.query('pragma foreign_key_check')).rows.length > 0
  } catch {
    return false
  }
}
