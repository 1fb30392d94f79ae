import { ShadowError, ShadowConflictError } from '../../errors.ts'
import type { ShadowTable } from '../shadow-table.ts'
import { refuseMissingColumns } from './added-columns.ts'
import { orderChanges, type ChangeStep } from './change-order.ts'
import { comparisonOf, referringQuery, rowQuery, statementOf, type ChangeStatement } from './change-statements.ts'
import type { ChangeCounts, RowConflict } from './read-changes.ts'
import { comparedColumns, isSame, type RowChange, type RowValues } from './row-change.ts'
import { conflictReport, rowText } from './row-report.ts'
import type { ShadowTexts } from './shadow-texts.ts'

/** Conflicts that an error carries. */
const mostReported = 100

/** What becomes of a change whose row is not, over there, as it was when it was changed here. */
export type PromotionPolicy =
  /** Nothing is promoted. */
  | 'fail'
  /** The row gets the values that were changed here. */
  | 'ours'
  /** It stays as it is there. */
  | 'theirs'

/** One transaction on the database that the changes go to. */
export interface PromotionTarget {
  readonly query: (
    statement: ChangeStatement,
  ) => Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly rowCount: number }>
}

export interface PromotionTerms {
  /** The alias of the shadow, and of the database that the changes go to, for messages. */
  readonly shadow: string
  readonly to: string
  readonly texts: ShadowTexts
  readonly policy: PromotionPolicy
  /** Only looks. */
  readonly preview: boolean
  /** All that the shadow knows, since rows may refer to the changed ones. */
  readonly tables: readonly ShadowTable[]
  /** Those whose changes are promoted. */
  readonly chosen: readonly ShadowTable[]
}

export interface Promoted {
  /** By the table. */
  readonly counts: ReadonlyMap<ShadowTable, ChangeCounts>
  readonly conflicts: readonly RowConflict[]
  /** Changes that the rows have there already. */
  readonly alike: number
}

/** Makes the changes on another database, in a transaction that the caller begins and ends. Throws `ShadowConflictError`, `ShadowError`. */
export async function promoteChanges(
  changes: readonly RowChange[],
  target: PromotionTarget,
  terms: PromotionTerms,
): Promise<Promoted> {
  const { policy, preview } = terms
  await refuseMissingColumns(terms.chosen, terms, async (sql) => (await target.query({ sql, params: [] })).rows)
  const conflicts: RowConflict[] = []
  const due: RowChange[] = []
  let alike = 0
  for (const change of changes) {
    const found = await compare(change, target, terms)
    if (found === 'alike') alike++
    else if (found === 'fits') due.push(change)
    else {
      conflicts.push(conflictOf(change, found.theirs))
      if (policy === 'ours') due.push(ours(change, found.theirs))
    }
  }
  if (conflicts.length > 0 && policy === 'fail' && !preview) throw conflictError(conflicts, terms)
  if (!preview) for (const step of orderChanges(due)) await make(step, target, terms)
  return { counts: countsOf(due), conflicts, alike }
}

async function compare(
  change: RowChange,
  target: PromotionTarget,
  { texts, preview }: PromotionTerms,
): Promise<'fits' | 'alike' | { readonly theirs?: RowValues }> {
  const { before, after } = change
  const { rows } = await target.query(comparisonOf(change, texts, !preview))
  const [row] = rows
  if (row === undefined) {
    if (after === undefined) return 'alike'
    return before === undefined ? 'fits' : {}
  }
  if (after !== undefined && Number(row['as_after']) === 1) return 'alike'
  if (before !== undefined && Number(row['as_before']) === 1) return 'fits'
  const [found] = (await target.query(rowQuery(change, texts))).rows
  return { theirs: comparedColumns(change.table).map((_, place) => found?.[`v${place}`]) }
}

/** A change as it is made of the row that is there: a changed row gets the values that were changed here, and keeps its others. */
function ours({ table, before, after }: RowChange, theirs: RowValues | undefined): RowChange {
  const merged =
    before === undefined || after === undefined || theirs === undefined
      ? after
      : after.map((value, place) => (isSame(before[place], value) ? theirs[place] : value))
  return { table, ...(theirs && { before: theirs }), ...(merged && { after: merged }) }
}

function conflictOf({ table, before, after }: RowChange, theirs: RowValues | undefined): RowConflict {
  return { table, ...(before && { was: before }), ...(after && { ours: after }), ...(theirs && { theirs }) }
}

async function make(step: ChangeStep, target: PromotionTarget, terms: PromotionTerms): Promise<void> {
  const { change } = step
  if (step.kind === 'row') await refuseReferring(change, target, terms)
  const { rowCount } = await target.query(statementOf(step, terms.texts))
  if (rowCount === 1) return
  throw new ShadowError(
    `${rowText(change)} of "${terms.to}" was changed ${rowCount} times in place of once, so nothing was promoted. Is there a trigger, or a view in place of the table?`,
  )
}

/** A deleted row may have got children over there, which CASCADE would delete without a word. */
async function refuseReferring(change: RowChange, target: PromotionTarget, terms: PromotionTerms): Promise<void> {
  if (terms.policy === 'ours') return
  for (const child of terms.tables)
    for (const place of child.foreignKeys.keys()) {
      const question = referringQuery(change, child, place, terms.texts)
      if (question === undefined) continue
      const count = Number((await target.query(question)).rows[0]?.['n'] ?? 0)
      if (count === 0) continue
      throw new ShadowConflictError(
        `${rowText(change)} is gone on the shadow "${terms.shadow}", and ${count} rows of ${child.name} that "${terms.shadow}" does not know refer to it on "${terms.to}". ` +
          `Nothing was promoted. With the policy "ours" the foreign key of "${terms.to}" decides about them.`,
        [],
      )
    }
}

function conflictError(conflicts: readonly RowConflict[], { shadow, to }: PromotionTerms): ShadowConflictError {
  const some = conflicts
    .slice(0, 3)
    .map((conflict) => rowText({ table: conflict.table, before: conflict.was ?? conflict.ours ?? [] }))
  const more = conflicts.length > some.length ? `, and ${conflicts.length - some.length} more` : ''
  return new ShadowConflictError(
    `${conflicts.length} of the rows that were changed on the shadow "${shadow}" are not, on "${to}", as they were when they were changed: ${some.join(', ')}${more}. ` +
      'Nothing was promoted. Look at them with preview, then say "ours" or "theirs" for all of them, or change them on the shadow.',
    conflicts.slice(0, mostReported).map(conflictReport),
  )
}

function countsOf(changes: readonly RowChange[]): ReadonlyMap<ShadowTable, ChangeCounts> {
  const counts = new Map<ShadowTable, { added: number; changed: number; deleted: number }>()
  for (const { table, before, after } of changes) {
    const count = counts.get(table) ?? { added: 0, changed: 0, deleted: 0 }
    count[before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed']++
    counts.set(table, count)
  }
  return counts
}
