import { UnsupportedError } from '../errors.ts'
import {
  ShardAnswers,
  Unanswered,
  type RememberedAnswers,
  type ShardAnswer,
  type ShardQuestion,
} from '../routing/shards/unanswered.ts'
import type { CallLimits } from './time-limit.ts'

/** Answers the questions about one thing: asks a database, or what it remembers of it. */
export type ShardAnswerer = (questions: readonly ShardQuestion[], limits: CallLimits) => Promise<readonly ShardAnswer[]>

/** Those who can be asked where rows are, each by the name that stands in {@link ShardQuestion.about}. */
export class ShardAnswerers {
  readonly #answerers = new Map<string, ShardAnswerer>()
  readonly #memories = new Map<string, RememberedAnswers>()
  #remembered: ShardAnswers | undefined

  /** `remembered`: what need not be asked again; without it every call asks. */
  register(about: string, answerer: ShardAnswerer, remembered?: RememberedAnswers): void {
    this.#answerers.set(about, answerer)
    if (remembered === undefined) return
    this.#memories.set(about, remembered)
    this.#remembered = new ShardAnswers([], undefined, (question) => this.#memories.get(question.about)?.(question))
  }

  /** What is known before anybody is asked; `undefined` where nothing ever is. */
  get remembered(): ShardAnswers | undefined {
    return this.#remembered
  }

  /** Chooses again and again, each time knowing what the last time was missing. */
  async answered<T>(
    missing: Unanswered,
    limits: CallLimits,
    choose: (answers: ShardAnswers) => T,
    known = new ShardAnswers(),
  ): Promise<T> {
    let { questions } = missing
    let answers = known
    // Each round answers what the one before has led to: a value to a key, a key to a shard.
    for (let round = 0; round < mostRounds; round += 1) {
      answers = answers.with(await this.#ask(questions, limits))
      try {
        return choose(answers)
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        questions = error.questions
      }
    }
    throw new UnsupportedError(
      `The shards of the statement are not known after ${mostRounds} rounds of questions; the last one was: ${questions[0]?.about}. Nothing was sent.`,
    )
  }

  async #ask(questions: readonly ShardQuestion[], limits: CallLimits): Promise<readonly ShardAnswer[]> {
    const answers = await Promise.all(
      [...Map.groupBy(questions, ({ about }) => about)].map(async ([about, some]) => {
        const answerer = this.#answerers.get(about)
        if (answerer === undefined) throw new UnsupportedError(`Nobody can be asked about ${about}. Nothing was sent.`)
        return await answerer(some, limits)
      }),
    )
    return answers.flat()
  }
}

const mostRounds = 8
