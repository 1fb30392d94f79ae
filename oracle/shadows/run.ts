import * as fc from 'fast-check'
import { Choices } from '../choices.ts'
import { Tally } from '../tally.ts'
import { checkSequence } from './check.ts'
import type { OracleEngine } from './engine.ts'
import type { Step } from './model.ts'
import { makeSteps } from './sequence.ts'

export interface ShadowOracleOptions {
  readonly engine: OracleEngine
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
const sequence = fc.array(numbers(50), { minLength: 1, maxLength: 15, size: 'max' })

/** What decides a world, and the sequences that are played in it. */
interface Given {
  readonly sequences: readonly (readonly (readonly number[])[])[]
  readonly world: readonly number[]
}

function givenOf({ sequencesPerWorld: most }: OracleEngine): fc.Arbitrary<Given> {
  const sequences =
    most === 1 ? sequence.map((each) => [each]) : fc.array(sequence, { minLength: 1, maxLength: most, size: 'max' })
  return fc.noBias(fc.record({ sequences, world: numbers(140) }))
}

/** Random schemas and statements, each sequence played into a shadow and into a full copy of its base. */
export async function runShadowOracle(options: ShadowOracleOptions): Promise<ShadowOracleReport> {
  const { engine, sequences, seed, mostDefects = Infinity, shrinkMs = 60_000, tell = () => {} } = options
  const statements = new Tally()
  const defects: string[] = []
  const given = givenOf(engine)
  const done = { sequences: 0, worlds: 0, told: 0 }
  for (let round = 0; done.sequences < sequences && defects.length < mostDefects; round++) {
    let deadline = Infinity
    const property = fc.asyncProperty(given, async (shape) => {
      if (performance.now() > deadline || (done.sequences >= sequences && deadline === Infinity)) return
      try {
        await playWorld(engine, `${done.worlds++}`, shape, statements, () => {
          if (deadline === Infinity) done.sequences++
        })
      } catch (error) {
        if (deadline === Infinity) deadline = performance.now() + shrinkMs
        throw error
      }
    })
    const result = await fc.check(property, { seed: seed * 100_003 + round, numRuns: roundSize })
    if (result.failed) {
      const text = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
      defects.push(text)
      tell(`Seed ${seed}, round ${round}: ${text}`)
    }
    if (done.sequences < done.told + 500) continue
    done.told = done.sequences
    tell(`${done.sequences} sequences, ${statements.statements} statements`)
  }
  return { sequences: done.sequences, statements, defects }
}

async function playWorld(
  engine: OracleEngine,
  name: string,
  { sequences, world: shape }: Given,
  tally: Tally,
  onPlayed: () => void,
): Promise<void> {
  const world = engine.makeWorld(new Choices(shape))
  const all = sequences.map((numbers) => makeSteps(world, numbers, engine.makeStatement))
  for (let at = 0; at < all.length;) {
    await using stage = await engine.makeStage(world, `${name}_${at}`)
    for (let isLast = false; !isLast; at++) {
      const steps = all[at]!
      // Columns that were added stay.
      isLast = at === all.length - 1 || isAltering(steps)
      onPlayed()
      await checkSequence(engine, stage, { world, steps, isLast }, tally)
      if (!isLast) await stage.renew()
    }
  }
}

function isAltering(steps: readonly Step[]): boolean {
  return steps.some((step) => (step.kind === 'block' ? isAltering(step.steps) : step.statement.becomes !== undefined))
}
