import type { Engine } from '../src/topology/server-target.ts'

/** What was answered: the names of the columns, where they are known, and the rows. */
export interface Answer {
  readonly names: readonly string[] | undefined
  readonly rows: readonly unknown[]
}

export interface Expectation {
  readonly engine: Engine
  /** The rows come in one order only. */
  readonly total: boolean
  /** Text counts without case, where the engine groups so. */
  readonly folded: boolean
  /** The rows of which LIMIT takes some. */
  readonly possible: readonly unknown[] | undefined
}

/** What is wrong with an answer; `undefined` if nothing is. */
export function difference(whole: Answer, sharded: Answer, expected: Expectation): string | undefined {
  const names = [whole, sharded].map((answer) => JSON.stringify(answer.names))
  if (names[0] !== names[1]) return `the columns are ${names[1]}, and should be ${names[0]}`
  const fold = expected.folded && expected.engine !== 'postgres'
  const texts = ({ rows }: Pick<Answer, 'rows'>): string[] => rows.map((row) => rowText(row, fold))
  const [right, given] = [texts(whole), texts(sharded)]
  const { possible } = expected
  if (expected.total) return listDifference(right, given)
  if (possible === undefined) return listDifference(right.sort(), given.sort())
  if (right.length !== given.length) return `there are ${given.length} rows, and should be ${right.length}`
  const left = Map.groupBy(texts({ rows: possible }), (text) => text)
  const wrong = given.find((text) => left.get(text)?.pop() === undefined)
  return wrong === undefined ? undefined : `the row ${wrong} is not among those without LIMIT, or not so often`
}

function listDifference(right: readonly string[], given: readonly string[]): string | undefined {
  const length = Math.max(right.length, given.length)
  for (let i = 0; i < length; i++) {
    if (right[i] !== given[i])
      return `row ${i + 1} of ${given.length} is ${given[i]}, and should be ${right[i]} of ${right.length}`
  }
  return undefined
}

function rowText(row: unknown, fold: boolean): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
    if (typeof value === 'string' && fold) return value.toLowerCase()
    return value
  })
}
