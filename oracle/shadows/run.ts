import * as fc from 'fast-check'
import { Choices } from '../choices.ts'
import { Tally } from '../tally.ts'
import { checkSequence } from './check.ts'
import { makeSteps } from './sqlite/sequence.ts'
import { makeStage } from './sqlite/stage.ts'
import { makeWorld } from './sqlite/world.ts'

export interface ShadowOracleOptions {
  /** Holds the files of the sequence that is being played, and nothing afterwards. */
  readonly folder: string
  readonly sequences: number
  readonly seed: number
  /** Ends the run. Default: none does. */
  readonly mostDefects?: number
  /** How long a sequence that fails is made smaller. */
  readonly shrinkMs?: number
  readonly tell?: (text: string) => void
}

export interface ShadowOracleReport {
  readonly sequences: number
  readonly statements: Tally
  /** Each made as small as it went. */
  readonly defects: readonly string[]
}

/** Sequences that share a seed: after a defect the next ones go on. */
const roundSize = 50

/** Few values, so that little is tried when a sequence is made smaller. */
const number = fc.nat({ max: 255 }).map((value) => value * 2 ** 23)
const numbers = (length: number): fc.Arbitrary<number[]> => fc.array(number, { minLength: length, maxLength: length })
const given = fc.noBias(
  fc.record({ steps: fc.array(numbers(50), { minLength: 1, maxLength: 15, size: 'max' }), world: numbers(140) }),
)

/** Random schemas and statements, each sequence played into a shadow and into a full copy of its base. */
export async function runShadowOracle(options: ShadowOracleOptions): Promise<ShadowOracleReport> {
  const { folder, sequences, seed, mostDefects = Infinity, shrinkMs = 60_000, tell = () => {} } = options
  const statements = new Tally()
  const defects: string[] = []
  let played = 0
  for (let round = 0; round * roundSize < sequences && defects.length < mostDefects; round++) {
    let deadline = Infinity
    const property = fc.asyncProperty(given, async (sequence) => {
      if (performance.now() > deadline) return
      try {
        await playSequence(folder, `${played++}`, sequence, statements)
      } catch (error) {
        if (deadline === Infinity) deadline = performance.now() + shrinkMs
        throw error
      }
    })
    const result = await fc.check(property, {
      seed: seed * 100_003 + round,
      numRuns: Math.min(roundSize, sequences - round * roundSize),
    })
    if (result.failed) {
      const text = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
      defects.push(text)
      tell(`Seed ${seed}, round ${round}: ${text}`)
    }
    if (round % 10 === 9) tell(`${(round + 1) * roundSize} sequences, ${statements.statements} statements`)
  }
  return { sequences: played, statements, defects }
}

async function playSequence(
  folder: string,
  name: string,
  { steps, world: shape }: { readonly steps: readonly (readonly number[])[]; readonly world: readonly number[] },
  tally: Tally,
): Promise<void> {
  const world = makeWorld(new Choices(shape))
  await using stage = await makeStage(world, folder, name)
  await checkSequence(stage, world, makeSteps(world, steps), tally)
}
