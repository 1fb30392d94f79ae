import { expect, test } from 'vitest'
import { effectOf } from '../../src/routing/effect.ts'
import type { FunctionUse } from '../../src/statement/analysis.ts'
import type { Analyzer } from '../../src/statement/analyzer.ts'
import type { CorpusStatement } from './engine-corpus.ts'

/** What the engine made of a statement. */
export interface CorpusOutcome {
  readonly statement: CorpusStatement
  /** 0, or the error number. */
  readonly answer: number
  readonly message: string
}

interface TestedCorpus {
  readonly engine: string
  readonly corpus: readonly CorpusStatement[]
  readonly analyzer: Analyzer
  readonly isSafe: (fn: FunctionUse) => boolean
  /** The engine's own word for "this is a write", and how many statements it says that of at least. */
  readonly refusedAsWrite: number
  readonly leastRefused: number
  /** There once tests run. */
  readonly outcomes: () => readonly CorpusOutcome[]
}

/** What a corpus holds the analysis of an engine to, with the engine as the judge. */
export function testCorpus({
  engine,
  corpus,
  analyzer,
  isSafe,
  refusedAsWrite,
  leastRefused,
  outcomes,
}: TestedCorpus): void {
  const effect = (sql: string): string =>
    effectOf(analyzer.analyze(sql), (fn) => (isSafe(fn) ? 'safe' : 'unknown')).effect
  const refused = () => outcomes().filter(({ answer }) => answer === refusedAsWrite)
  const isSeenAsRead = ({ statement }: CorpusOutcome): boolean => effect(statement.sql) === 'read'

  test('has at least 400 different statements', () => {
    expect(new Set(corpus.map(({ sql }) => sql)).size).toBe(corpus.length)
    expect(corpus.length).toBeGreaterThanOrEqual(400)
  })

  test('gives every statement its kind, and its effect once the functions are known', () => {
    const wrong = corpus
      .map((statement) => ({ statement, kind: analyzer.analyze(statement.sql).kind, effect: effect(statement.sql) }))
      .filter(({ statement, ...actual }) => actual.kind !== statement.kind || actual.effect !== statement.effect)
    expect(wrong).toEqual([])
  })

  test('every statement does what the corpus says', () => {
    const surprising = outcomes().filter(
      ({ statement, answer }) => answer !== refusedAsWrite && answer !== (statement.error?.code ?? 0),
    )
    expect(surprising.map(({ statement, answer, message }) => `${answer} ${message} :: ${statement.sql}`)).toEqual([])
  })

  test('calls no statement a read that is refused as a write', () => {
    expect(refused().length).toBeGreaterThan(leastRefused)
    expect(refused().filter(isSeenAsRead)).toEqual([])
  })

  test('calls at least 97 % of the accepted plain reads reads', () => {
    const plain = outcomes().filter(({ statement, answer }) => statement.effect === 'read' && answer === 0)
    const seen = plain.filter(isSeenAsRead)
    const listed = corpus.filter(({ error }) => error !== undefined).length
    console.log(
      `${engine}: ${corpus.length} statements run, ${listed} listed with another error; reads seen as reads: ` +
        `${seen.length} of ${plain.length}; refused as writes: ${refused().length}, of them seen as read: ${refused().filter(isSeenAsRead).length}`,
    )
    expect(plain.length).toBeGreaterThan(200)
    expect(seen.length / plain.length).toBeGreaterThanOrEqual(0.97)
  })
}
