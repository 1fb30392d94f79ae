import { Choices } from '../choices.ts'
import type { MakeStatement } from './grammar.ts'
import type { ShadowWorld, Step } from './model.ts'

/** What numbers decide: statements, and which of them stand in a transaction or a savepoint. */
export function makeSteps(
  world: ShadowWorld,
  numbers: readonly (readonly number[])[],
  makeStatement: MakeStatement,
): readonly Step[] {
  const open: { readonly steps: Step[]; readonly fails: boolean; world: ShadowWorld }[] = [
    { steps: [], fails: false, world },
  ]
  const close = (): void => {
    const { steps, fails, world: left } = open.pop()!
    if (steps.length > 0) open.at(-1)!.steps.push({ kind: 'block', steps, fails })
    if (!fails) open.at(-1)!.world = left
  }
  for (const each of numbers) {
    const choices = new Choices(each)
    const way = choices.below(100)
    if (way >= 88 && open.length < 4) open.push({ steps: [], fails: choices.chance(30), world: open.at(-1)!.world })
    if (way >= 80 && way < 88 && open.length > 1) close()
    const inner = open.at(-1)!
    const statement = makeStatement(inner.world, choices, way, open.length > 1)
    inner.steps.push({ kind: 'statement', statement })
    inner.world = statement.becomes ?? inner.world
  }
  while (open.length > 1) close()
  return open[0]!.steps
}
