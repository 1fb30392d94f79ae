import type { ShadowDialect } from '../shadow-dialect.ts'
import { localName, touchName } from '../shadow-table.ts'
import { addingStep } from './add-columns.ts'
import { indexingStep } from './create-index.ts'
import { quote } from './quote.ts'
import type { Ask } from './read-tables.ts'
import { isOutdated, renewOverlay } from './renew-overlay.ts'

export const sqliteShadowDialect: ShadowDialect = {
  dialect: 'sqlite',
  placeOf: (schema) => (schema.toLowerCase() === 'main' ? 'shown' : 'own'),
  chance: new Set(['random', 'randomblob']),
  counts: new Set(['changes', 'total_changes']),
  isPassing: true,
  missed: (message) => /no such table: main\.(.*?)\.(?: |$)/.exec(message)?.[1],
  isTooDeep: (message) => message.includes('too many levels of trigger recursion'),
  returnsByName: true,
  quote,
  local: ({ name }) => `main.${quote(localName(name))}`,
  shown: ({ name }) => `temp.${quote(name)}`,
  touch: ({ name, primaryKey }, keys) =>
    `INSERT INTO temp.${quote(touchName(name))} (${primaryKey.map((key) => quote(key.name)).join(', ')}) ${keys}`,
  addColumns: addingStep,
  define: indexingStep,
  renewal: {
    isDue: isOutdated,
    renew: async (run) => await renewOverlay(async (sql) => (await run(sql)).rows as Awaited<ReturnType<Ask>>),
  },
}
