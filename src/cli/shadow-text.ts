import type {
  ChangedRow,
  ChangeCounts,
  PromotionPolicy,
  PromotionReport,
  ShadowConflict,
  ShadowConflicts,
  ShadowDiff,
  ShadowReport,
  TableDiff,
} from '../index.ts'
import { listed } from './listed.ts'
import { counted, tableText } from './table-text.ts'
import type { Style, Terminal } from './terminal.ts'

type Row = Readonly<Record<string, unknown>> | null

const longestValue = 30

/** The answer of `shadow create`. */
export function createdText({ shadow, base, tables }: ShadowReport, terminal: Terminal): string {
  const rows = tables.map(({ table, kind, isNew }) => [table, kind, isNew ? terminal.style('green', 'new') : 'kept'])
  const list =
    rows.length === 0 ? 'No table is augmented or replaced.' : tableText(['TABLE', 'KIND', ''], rows, terminal)
  return `${terminal.style('bold', shadow)} over ${base}\n\n${list}\n`
}

/** The answer of `shadow diff`: the base on the left, the shadow on the right, column by column. */
export function diffText({ shadow, base, tables }: ShadowDiff, terminal: Terminal): string {
  const changed = tables.filter(
    (table) => total(table) > 0 || table.incomparable !== undefined || table.addedColumns.length > 0,
  )
  if (changed.length === 0) return `"${shadow}" shows "${base}" as it is.\n`
  return `${changed.map((table) => tableDiffText(table, shadow, base, terminal)).join('\n\n')}\n`
}

function tableDiffText(diff: TableDiff, shadow: string, base: string, terminal: Terminal): string {
  const { table, kind, rows, incomparable, addedColumns } = diff
  const title = terminal.style('bold', table)
  if (incomparable !== undefined)
    return `${title} (${kind}): rows cannot be compared with those of "${base}": ${incomparable}`
  const lines = rows.flatMap((row) => changeLines(row, terminal))
  const more = total(diff) - rows.length
  const columns =
    addedColumns.length === 0 ? [] : [`${counted(addedColumns.length, 'new column')}: ${addedColumns.join(', ')}`]
  const counts = total(diff) === 0 ? [] : [countsText(diff)]
  return [
    `${title} (${kind}): ${[...columns, ...counts].join('; ')}`,
    ...(rows.length === 0
      ? []
      : [tableText(['', 'KEY', 'COLUMN', base.toUpperCase(), shadow.toUpperCase()], lines, terminal)]),
    ...(more > 0 ? [terminal.style('dim', `… and ${counted(more, 'more row')}; --limit shows more`)] : []),
  ].join('\n\n')
}

const marks = {
  added: ['green', '+'],
  changed: ['yellow', '~'],
  deleted: ['red', '-'],
} as const satisfies Record<ChangedRow['change'], readonly [Style, string]>

function changeLines(
  { change, key, columns, before, after }: ChangedRow,
  terminal: Terminal,
): readonly (readonly string[])[] {
  const [style, mark] = marks[change]
  return columns.map((column, place) => [
    place === 0 ? terminal.style(style, mark) : '',
    place === 0 ? keyText(key) : '',
    column,
    before === null ? '' : terminal.style(change === 'added' ? 'dim' : 'red', valueText(before[column])),
    after === null ? '' : terminal.style('green', valueText(after[column])),
  ])
}

/** The answer of `shadow diff --sql`: all of it takes effect, or nothing. */
export function sqlText(statements: readonly string[]): string {
  return statements.length === 0 ? '' : ['BEGIN;', ...statements, 'COMMIT;', ''].join('\n')
}

/** Whose rows stand in which column. */
export interface Sides {
  readonly ours: string
  readonly theirs: string
}

/** The answer of `shadow conflicts`: as it was, ours, theirs. */
export function conflictsText(
  { count, rows }: Pick<ShadowConflicts, 'count' | 'rows'>,
  sides: Sides,
  terminal: Terminal,
): string {
  if (count === 0) return `Nothing that was changed on "${sides.ours}" is in conflict with "${sides.theirs}".\n`
  const lines = rows.flatMap((row) => conflictLines(row, terminal))
  const head = ['TABLE', 'KEY', 'COLUMN', 'WAS', `OURS (${sides.ours})`, `THEIRS (${sides.theirs})`]
  const more = count - rows.length
  return [
    tableText(head, lines, terminal),
    '',
    ...(more > 0 ? [terminal.style('dim', `… and ${counted(more, 'more row')}; --limit shows more`)] : []),
    `${counted(count, 'row')} of "${sides.ours}" ${count === 1 ? 'rests' : 'rest'} on what has changed in "${sides.theirs}" since.`,
    '',
  ].join('\n')
}

function conflictLines(
  { table, key, columns, was, ours, theirs }: ShadowConflict,
  terminal: Terminal,
): readonly (readonly string[])[] {
  const cell = (row: Row, column: string): string =>
    row === null ? terminal.style('dim', was === null ? '' : '(deleted)') : valueText(row[column])
  return columns.map((column, place) => [
    ...(place === 0 ? [table, keyText(key)] : ['', '']),
    column,
    was === null ? '' : cell(was, column),
    terminal.style('green', cell(ours, column)),
    terminal.style('yellow', cell(theirs, column)),
  ])
}

/** The answer of `shadow promote`, before and after. */
export function promotionText(report: PromotionReport, policy: PromotionPolicy, terminal: Terminal): string {
  const { shadow, to, preview, tables, conflicts, conflictCount, alike, leftOut } = report
  const parts: string[] = []
  if (conflictCount > 0 && preview) {
    const found = { count: conflictCount, rows: conflicts }
    parts.push(conflictsText(found, { ours: shadow, theirs: to }, terminal).trimEnd(), policyText(policy, terminal))
  }
  if (policy !== 'fail' || conflictCount === 0) {
    const rows = tables.map(({ table, added, changed, deleted }) => [table, ...[added, changed, deleted].map(String)])
    if (rows.length > 0) parts.push(tableText(['TABLE', 'ADDED', 'CHANGED', 'DELETED'], rows, terminal))
    const sum = tables.reduce((before, each) => before + total(each), 0)
    const done = `${counted(sum, 'change')} of "${shadow}" ${preview ? 'to be made' : 'made'} on "${to}"`
    parts.push(
      `${preview ? '' : `${terminal.style('green', '✓')} `}${done}${alike > 0 ? `; ${alike} there already` : ''}.`,
    )
  }
  if (!preview)
    parts.push(terminal.style('dim', `"${shadow}" still has them, too: \`signalbox shadow reset\` ends that.`))
  if (leftOut.length > 0 && preview)
    parts.push(terminal.style('dim', `Not named, and so left out: ${listed(leftOut)} (replaced).`))
  return `${parts.join('\n\n')}\n`
}

function policyText(policy: PromotionPolicy, terminal: Terminal): string {
  if (policy === 'fail')
    return `${terminal.style('red', '✗')} Nothing is promoted. --on-conflict ours or theirs settles all of them.`
  return policy === 'ours' ? 'Ours win.' : 'Theirs stay as they are.'
}

function countsText(counts: ChangeCounts): string {
  const parts = [
    [counts.added, 'added'],
    [counts.changed, 'changed'],
    [counts.deleted, 'deleted'],
  ] as const
  return parts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(', ')
}

function total({ added, changed, deleted }: ChangeCounts): number {
  return added + changed + deleted
}

function keyText(key: Readonly<Record<string, unknown>>): string {
  return Object.entries(key)
    .map(([name, value]) => `${name} ${valueText(value)}`)
    .join(', ')
}

/** In one line: a table has no room for more. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (value instanceof Uint8Array) return shortened(`X'${Buffer.from(value).toString('hex')}'`)
  if (typeof value === 'bigint') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // What would move the cursor is shown.
  return shortened(/\p{Cc}/u.test(text) ? JSON.stringify(text) : text)
}

function shortened(text: string): string {
  return text.length > longestValue ? `${text.slice(0, longestValue - 1)}…` : text
}
