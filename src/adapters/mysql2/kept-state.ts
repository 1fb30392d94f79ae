import type { Analysis, TransactionOptions } from '../../index.ts'
import { withoutStrings } from './session-settings.ts'

/** Functions that tell of their own connection what every other one tells differently. */
const ofConnection: ReadonlySet<string> = new Set([
  'last_insert_id',
  'found_rows',
  'row_count',
  'connection_id',
  'lastval',
  'is_used_lock',
])
const userVariable = /(?:^|[^@])@(?!@)/

/** Whether a statement leaves something behind that later ones of its session count on, or counts on such a thing; or is too odd to tell. */
export function keepsState({ kind, leavesState, functions }: Analysis, statement: { readonly text: string }): boolean {
  if (leavesState || kind === 'transaction' || kind === 'unknown') return true
  if (functions.some(({ name }) => ofConnection.has(name))) return true
  // A session variable has the same value wherever the session's settings go along.
  if (kind !== 'session') return false
  const { text } = statement
  return userVariable.test(withoutStrings(text)) || !/^\s*(?:select|show)\b/i.test(text)
}

/** Whether a statement is one of its own, which asks for nothing of its connection. */
export function isPlain(analysis: Analysis): boolean {
  const { kind, leavesState, functions, statements } = analysis
  const isOfRows = kind === 'read' || kind === 'locking-read' || kind === 'write'
  return isOfRows && statements === 1 && !leavesState && !functions.some(({ name }) => ofConnection.has(name))
}

/** Whether a statement begins a transaction where none commits by itself. */
export function startsWith({ kind }: Analysis): boolean {
  return kind === 'read' || kind === 'locking-read' || kind === 'write'
}

/** What a connection is told so that its session is as it was said before. */
export function beginnings(
  defaults: TransactionOptions,
  next: TransactionOptions,
  open: TransactionOptions | undefined,
  autocommit: boolean,
): readonly string[] {
  const texts: string[] = []
  if (defaults.isolation !== undefined || defaults.readOnly !== undefined)
    texts.push(`set session transaction ${modes(defaults)}`)
  if (!autocommit) texts.push('set session autocommit = 0')
  const one = { ...next, ...open }
  if (open === undefined)
    return one.isolation === undefined && one.readOnly === undefined
      ? texts
      : [...texts, `set transaction ${modes(one)}`]
  if (one.isolation !== undefined) texts.push(`set transaction ${modes({ isolation: one.isolation })}`)
  return [...texts, `start transaction${one.readOnly === undefined ? '' : ` ${modes({ readOnly: one.readOnly })}`}`]
}

function modes({ isolation, readOnly }: TransactionOptions): string {
  const access = readOnly === undefined ? [] : [readOnly ? 'read only' : 'read write']
  return [...(isolation === undefined ? [] : [`isolation level ${isolation}`]), ...access].join(', ')
}
