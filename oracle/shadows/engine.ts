import type { Choices } from '../choices.ts'
import type { MakeStatement } from './grammar.ts'
import type { ModelColumn, ShadowWorld } from './model.ts'
import type { Referee } from './referee.ts'
import type { Stage } from './stage.ts'

/** What the oracle needs of an engine. */
export interface OracleEngine {
  readonly name: 'sqlite' | 'postgres'
  /** A schema of a few tables, with all that makes laying rows over rows hard. */
  readonly makeWorld: (choices: Choices) => ShadowWorld
  readonly makeStatement: MakeStatement
  /** `name` tells what is made for one world from others. */
  readonly makeStage: (world: ShadowWorld, name: string) => Promise<Stage>
  readonly referee: (world: ShadowWorld) => Referee
  /** A query of what a table is compared by at the end. */
  readonly dumpText: (table: string, columns: readonly ModelColumn[]) => string
  /** Sequences that are played in one world, one after the other, each from its beginning. */
  readonly sequencesPerWorld: number
}
