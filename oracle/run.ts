import * as fc from 'fast-check'
import type { Engine } from '../src/topology/server-target.ts'
import { choiceLimit } from './choices.ts'
import { checkRead } from './read-check.ts'
import { readStatement } from './read-statement.ts'
import { type MakeDatabase, type Sides, startSides } from './sides.ts'
import { Tally } from './tally.ts'
import { worlds } from './world.ts'
import { checkWrites } from './write-check.ts'
import { writeStatements } from './write-statement.ts'

export interface OracleOptions {
  readonly engine: Engine
  readonly makeDatabase: MakeDatabase
  /** Queries; and a tenth as many series of changes. */
  readonly statements: number
  readonly seed: number
  /** Ends the run. Default: none does. */
  readonly mostDefects?: number
  readonly tell?: (text: string) => void
}

export interface OracleReport {
  readonly reads: Tally
  readonly writes: Tally
  /** Each made as small as it went. */
  readonly defects: readonly string[]
}

/** Statements of a run that share a seed: after a defect the next ones go on. */
const roundSize = 100

const numbers = fc.noBias(fc.array(fc.integer({ min: 0, max: choiceLimit - 1 }), { minLength: 90, maxLength: 90 }))

/** Random statements, each on one database and on four shards with the same rows. */
export async function runOracle(options: OracleOptions): Promise<OracleReport> {
  const { engine, makeDatabase, statements, seed, mostDefects = Infinity, tell = () => {} } = options
  await using stack = new AsyncDisposableStack()
  const [reads, writes] = [new Tally(), new Tally()]
  const sides: Sides[] = []
  for (const world of worlds) sides.push(stack.use(await startSides(engine, world, makeDatabase)))
  const defects: string[] = []
  for (let round = 0; round * roundSize < statements && defects.length < mostDefects; round++) {
    const size = Math.min(roundSize, statements - round * roundSize)
    const side = fc.constantFrom(...sides)
    const read = fc.asyncProperty(side, numbers, async (on, given) => {
      await checkRead(on, readStatement(engine, on.world, given), reads)
    })
    const write = fc.asyncProperty(side, numbers, async (on, given) => {
      await checkWrites(on, writeStatements(engine, on.world, given), writes)
    })
    for (const [property, numRuns] of [
      [read, size],
      [write, Math.ceil(size / 10)],
    ] as const) {
      const result = await fc.check(property, { seed: seed * 100_003 + round, numRuns })
      if (!result.failed) continue
      defects.push(String(result.errorInstance))
      tell(`Seed ${seed}, round ${round}: ${String(result.errorInstance)}`)
    }
    if (round % 10 === 9) tell(`${reads.statements} statements, ${Math.round(100 * reads.share)} % answered`)
  }
  return { reads, writes, defects }
}
