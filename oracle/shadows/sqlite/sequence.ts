import { Choices } from '../../choices.ts'
import type { PlayedStatement, ShadowWorld, Step } from '../model.ts'
import { deleteText, insertText, updateText } from './change-text.ts'
import { readText } from './read-text.ts'
import { TextMaker } from './text-maker.ts'

/** What numbers decide: statements, and which of them stand in a transaction or a savepoint. */
export function makeSteps(world: ShadowWorld, numbers: readonly (readonly number[])[]): readonly Step[] {
  const open: { readonly steps: Step[]; readonly fails: boolean }[] = [{ steps: [], fails: false }]
  const close = (): void => {
    const { steps, fails } = open.pop()!
    if (steps.length > 0) open.at(-1)!.steps.push({ kind: 'block', steps, fails })
  }
  for (const each of numbers) {
    const choices = new Choices(each)
    const way = choices.below(100)
    if (way >= 88 && open.length < 4) open.push({ steps: [], fails: choices.chance(30) })
    if (way >= 80 && way < 88 && open.length > 1) close()
    open.at(-1)!.steps.push({ kind: 'statement', statement: makeStatement(world, choices, way, open.length > 1) })
  }
  while (open.length > 1) close()
  return open[0]!.steps
}

function makeStatement(world: ShadowWorld, choices: Choices, way: number, inTransaction: boolean): PlayedStatement {
  const make = new TextMaker(choices)
  const { tables } = world
  const table = choices.pick(tables)
  const refused = table.kind === 'base'
  if (inTransaction && way % 9 === 8)
    return {
      sql: 'select changes() as changed, last_insert_rowid() as id',
      params: [],
      ordered: true,
      refused: false,
      numbersRows: false,
      isChange: false,
      form: 'counts',
    }
  if (way % 6 === 5) {
    const { sql, ordered } = readText(make, world)
    return { ...make.finish(sql), ordered, refused: false, numbersRows: false, isChange: false, form: 'select' }
  }
  const text = ([insertText, updateText, deleteText, updateText, insertText] as const)[way % 5]!
  const finished = make.finish(text(make, tables, table))
  return {
    ...finished,
    ordered: false,
    refused,
    numbersRows: table.hasRowNumbers && !finished.sql.includes(' on conflict'),
    isChange: true,
    form: text.name.replace('Text', ''),
  }
}
