import * as fc from 'fast-check'
import type { Engine } from '../src/topology/server-target.ts'
import { choiceLimit } from './choices.ts'
import { checkRead } from './read-check.ts'
import { readStatement } from './read-statement.ts'
import { type MakeDatabase, type Sides, startSides } from './sides.ts'
import { Tally } from './tally.ts'
import { worlds } from './world.ts'

export interface OracleOptions {
  readonly engine: Engine
  readonly makeDatabase: MakeDatabase
  readonly statements: number
  readonly seed: number
  /** Ends the run. Default: none does. */
  readonly mostDefects?: number
  readonly tell?: (text: string) => void
}

export interface OracleReport {
  readonly reads: Tally
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
  const reads = new Tally()
  const sides: Sides[] = []
  for (const world of worlds) sides.push(stack.use(await startSides(engine, world, makeDatabase)))
  const defects: string[] = []
  for (let round = 0; round * roundSize < statements && defects.length < mostDefects; round++) {
    const size = Math.min(roundSize, statements - round * roundSize)
    const property = fc.asyncProperty(fc.constantFrom(...sides), numbers, async (side, given) => {
      await checkRead(side, readStatement(engine, side.world, given), reads)
    })
    const result = await fc.check(property, { seed: seed * 100_003 + round, numRuns: size })
    if (result.failed) {
      defects.push(String(result.errorInstance))
      tell(`Seed ${seed}, round ${round}: ${String(result.errorInstance)}`)
    }
    if (round % 10 === 9) tell(`${reads.statements} statements, ${Math.round(100 * reads.share)} % answered`)
  }
  return { reads, defects }
}
