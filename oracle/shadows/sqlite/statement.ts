import type { Choices } from '../../choices.ts'
import { deleteText, insertText, updateText } from '../change-text.ts'
import type { PlayedStatement, ShadowWorld } from '../model.ts'
import { readText } from '../read-text.ts'
import { addColumnText } from './add-column-text.ts'
import { SqliteTextMaker } from './text-maker.ts'

/** A statement about a world's tables, in the dialect of SQLite. */
export function sqliteStatement(
  world: ShadowWorld,
  choices: Choices,
  way: number,
  inTransaction: boolean,
): PlayedStatement {
  const make = new SqliteTextMaker(choices)
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
  if (way % 23 === 22) {
    const { sql, becomes } = addColumnText(make, world, table)
    const played = { ordered: false, refused, numbersRows: false, isChange: false, form: 'add column' }
    return { sql, params: [], ...played, becomes }
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
