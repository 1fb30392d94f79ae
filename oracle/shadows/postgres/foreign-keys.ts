import type { Choices } from '../../choices.ts'
import { literal, plainValue, quoted } from '../value.ts'
import type { Draft } from './draft-table.ts'

const deletes = ['', 'cascade', 'set null', 'set default', 'restrict', 'no action']
const updates = ['', 'cascade', 'set null', 'set default', 'restrict']
const deferrals = ['', '', '', ' deferrable', ' deferrable initially deferred']

/** To tables in front, to itself, and sometimes to one behind: then they form a circle. */
export function addForeignKeys(choices: Choices, draft: Draft, all: readonly Draft[]): void {
  const at = all.indexOf(draft)
  for (const [i, parent] of all.entries()) {
    const chance = i < at ? 65 : i === at ? 30 : 15
    if (!choices.chance(chance)) continue
    const referenced = referencedBy(choices, parent)
    if (referenced === undefined) continue
    const own = choices.chance(20) ? ownKey(draft, parent, referenced) : undefined
    const columns =
      own ?? referenced.map((column) => addLinked(choices, draft, parent, column, `${i}${i === at ? 's' : ''}`))
    const how = columns.length > 1 && choices.chance(20) ? ' match full' : ''
    const onDelete = deleteAction(choices, columns)
    const onUpdate = choices.pick(updates)
    draft.links.push(
      `alter table ${quoted(draft.name)} add foreign key (${columns.map(quoted).join(', ')}) references ${quoted(parent.name)} ` +
        `(${referenced.map(quoted).join(', ')})${how}${onDelete}${onUpdate === '' ? '' : ` on update ${onUpdate}`}${choices.pick(deferrals)}`,
    )
    draft.foreignKeys.push({ columns, table: parent.name, referenced })
  }
}

/** A key of the parent that waits for nothing. */
function referencedBy(choices: Choices, { arbiters, primaryKey }: Draft): readonly string[] | undefined {
  const plain = arbiters.filter(({ sql, predicate }) => sql === undefined && (predicate ?? '') === '')
  const isPrimary = plain.some(({ columns }) => columns === primaryKey)
  const others = plain.filter(({ columns }) => columns !== primaryKey)
  const other = others.length > 0 && (!isPrimary || choices.chance(20)) ? choices.pick(others) : undefined
  return other?.columns ?? (isPrimary ? primaryKey : undefined)
}

/** A unique column of the table itself that fits. */
function ownKey(draft: Draft, parent: Draft, referenced: readonly string[]): readonly string[] | undefined {
  const [column, more] = referenced
  if (column === undefined || more !== undefined) return undefined
  const { type } = parent.columns.find(({ name }) => name === column)!
  return draft.uniqueKeys.find(
    ([name, second]) =>
      second === undefined &&
      draft.columns.some((each) => each.name === name && each.type === type && !each.generated) &&
      !(draft === parent && name === column),
  )
}

function addLinked(choices: Choices, draft: Draft, parent: Draft, column: string, suffix: string): string {
  const to = parent.columns.find(({ name }) => name === column)!
  const name = `${column === 'g' ? 'to_g' : column}_${suffix}`
  const preset = choices.chance(25) ? ` default ${literal(plainValue(to.values, choices.below(5)))}` : ''
  const type = to.values === 'int' ? choices.pick([to.type, 'bigint', 'integer']) : to.type
  draft.columns.push({
    name,
    values: to.values,
    generated: false,
    type,
    definition: `${quoted(name)} ${type}${preset}`,
  })
  if (choices.chance(30)) draft.later.push(`create index on ${quoted(draft.name)} (${quoted(name)})`)
  return name
}

function deleteAction(choices: Choices, columns: readonly string[]): string {
  const action = choices.pick(deletes)
  if (action === '') return ''
  const isPart = columns.length > 1 && action.startsWith('set ') && choices.chance(40)
  return ` on delete ${action}${isPart ? ` (${quoted(columns.at(-1)!)})` : ''}`
}
