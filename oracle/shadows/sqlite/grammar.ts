import type { Grammar } from '../grammar.ts'
import { isBetween } from './world.ts'

/** What SQLite writes in its own way. */
export const sqliteGrammar: Grammar = {
  isTyped: false,
  yes: '1',
  no: '0',
  comparisons: ['is', 'is not', 'is distinct from', 'is not distinct from'],
  isSame: 'is',
  differs: 'is not',
  exact: ' collate binary',
  sizeOf: (column) => `length(${column})`,
  typeOf: (column) => `typeof(${column})`,
  nullOf: () => 'null',
  places: ['main.', 'MAIN.', '"main" . ', 'main./* c */'],
  conflictWords: ['', '', '', '', '', ' or ignore', ' or replace', ' or abort', ' or fail', ' or rollback'],
  mayReplace: (table, tables) => !isBetween(table, tables),
  mayUpsert: (table, tables) => !isBetween(table, tables),
  returnsByName: true,
  meetsInAnyOrder: false,
  takesDefault: false,
  namesArbiter: false,
}
