/** Something that only a database can tell, and without which the shards of a statement are not known. */
export interface ShardQuestion {
  /** Who is to be asked: the name under which it was registered. */
  readonly about: string
  /** What it is about, in that one's own canonical form: the text of a key, a value that is looked up. */
  readonly subject: string
  /** `place`: the statement brings new rows, so what has no answer yet is to get one. */
  readonly intent: 'find' | 'place'
}

/** `null`: asked, and there is none. */
export type ShardAnswer = readonly [question: ShardQuestion, answer: string | null]

/**
 * Thrown by the choice of shards while something has to be asked for. No error that a caller sees: the decider has the
 * questions answered, and decides again with the answers.
 */
export class Unanswered extends Error {
  readonly questions: readonly ShardQuestion[]

  constructor(questions: readonly ShardQuestion[]) {
    super(`Has to be asked for first: ${questions.map(({ about, subject }) => `${about} ${subject}`).join(', ')}.`)
    this.questions = questions
  }
}

/** What is remembered from earlier calls, and may still be used; `undefined`: it is to be asked. */
export type RememberedAnswers = (question: ShardQuestion) => string | undefined

/** What was asked for one call, and holds for that call only. Immutable, but for what is remembered beneath. */
export class ShardAnswers {
  readonly #answers: ReadonlyMap<string, string | null>
  readonly #remembered: RememberedAnswers | undefined

  /** `remembered` answers who wants to find something that was not asked for this call. */
  constructor(given: readonly ShardAnswer[] = [], before?: ShardAnswers, remembered?: RememberedAnswers) {
    const own = given.map(([question, answer]) => [idOf(question), answer] as const)
    this.#answers = new Map([...(before === undefined ? [] : before.#answers), ...own])
    this.#remembered = remembered ?? (before === undefined ? undefined : before.#remembered)
  }

  /** `undefined`: it was not asked. What was asked in order to place something answers who wants to find it, too. */
  of(question: ShardQuestion): string | null | undefined {
    if (this.#answers.size === 0) return question.intent === 'find' ? this.#remembered?.(question) : undefined
    const own = this.#answers.get(idOf(question))
    if (question.intent === 'place' || typeof own === 'string') return own
    // There may have been none, until it was placed.
    const placed = this.#answers.get(idOf({ ...question, intent: 'place' }))
    return placed === undefined && own === undefined ? this.#remembered?.(question) : (placed ?? own)
  }

  /** These and those; of two answers to one question the later counts. */
  with(given: readonly ShardAnswer[]): ShardAnswers {
    return new ShardAnswers(given, this)
  }
}

function idOf({ about, subject, intent }: ShardQuestion): string {
  return JSON.stringify([about, subject, intent])
}
