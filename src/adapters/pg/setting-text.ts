import type { SettingsChange } from './session-settings.ts'

/** What a statement does to settings, and to those alone. */
type Order =
  | { readonly verb: 'set' | 'reset'; readonly names: readonly string[] }
  | { readonly verb: 'reset-all' }
  /** Nothing that outlives its transaction. */
  | { readonly verb: 'local' }

const nothing: SettingsChange = { resetsAll: false, reset: [], set: [] }

/** Of the transaction, whoever sets them, and however. */
const ofTransaction: ReadonlySet<string> = new Set([
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
])
/** It says how the next random numbers are made, and cannot be asked for. */
const unreadable: ReadonlySet<string> = new Set(['seed'])

const characteristics = [
  'default_transaction_isolation',
  'default_transaction_read_only',
  'default_transaction_deferrable',
]
const authorization = ['session_authorization', 'role']

/** The names that SQL has for settings besides their own. */
const spoken: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^session\s+authorization\b/i, authorization],
  [/^session\s+characteristics\s+as\s+transaction\b/i, characteristics],
  [/^time\s+zone\b/i, ['timezone']],
  [/^xml\s+option\b/i, ['xmloption']],
  [/^names\b/i, ['client_encoding']],
  [/^schema\b/i, ['search_path']],
  [/^role\b(?!\s*(?:=|\bto\b))/i, ['role']],
]

/** Comments in front of the values, where no string can stand, are as blanks. Those behind do no harm. */
const comments = /\/\*(?:[^*]|\*(?!\/))*\*\/|--[^\n]*/g
const part = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`
const assigned = new RegExp(String.raw`^(${part}(?:\s*\.\s*${part})*)\s*(?:=|\bto\b)\s*(.*)$`, 'is')
const resetName = new RegExp(String.raw`^(${part}(?:\s*\.\s*${part})*)$`)
const scoped = /^set\s+(?:(session|local)\s+(?!authorization\b|characteristics\b))?(.*)$/is
const isDefault = /^(?:default|local|none)$/i

/**
 * What one text does, statement by statement; `undefined` if one of them does anything else, or is not understood. `values`: of its
 * parameters.
 */
export function settingsChangeOf(
  statements: readonly string[],
  values: readonly unknown[] = [],
): SettingsChange | undefined {
  let change = nothing
  for (const sql of statements) {
    const text = sql
      .replace(comments, ' ')
      .replace(/[\s;]+$/, '')
      .trim()
    const order = orderOf(text) ?? configOf(sql.replace(/[\s;]+$/, ''), values)
    if (order === undefined) return undefined
    change = after(change, order)
  }
  return change
}

/** Whether a text may be one of those; cheaper than to read it. */
export function mayChangeSettings(sql: string): boolean {
  return /\b(?:set|reset|set_config)\b/i.test(sql)
}

function after({ resetsAll, reset, set }: SettingsChange, order: Order): SettingsChange {
  if (order.verb === 'local') return { resetsAll, reset, set }
  if (order.verb === 'reset-all') {
    // It does not change who the session is.
    return { resetsAll: true, reset: reset.filter(isIdentity), set: set.filter(isIdentity) }
  }
  const others = (names: readonly string[]): readonly string[] => names.filter((name) => !order.names.includes(name))
  return order.verb === 'set'
    ? { resetsAll, reset: others(reset), set: [...others(set), ...order.names] }
    : { resetsAll, reset: [...others(reset), ...order.names], set: others(set) }
}

function isIdentity(name: string): boolean {
  return authorization.includes(name)
}

function orderOf(text: string): Order | undefined {
  const reset = /^reset\s+(.*)$/is.exec(text)
  if (reset !== null) return resetOf(reset[1]!)
  const [, scope, rest = ''] = scoped.exec(text) ?? []
  if (rest === '') return undefined
  const order = setOf(rest)
  return scope?.toLowerCase() === 'local' && order !== undefined ? { verb: 'local' } : order
}

function resetOf(rest: string): Order | undefined {
  if (/^all$/i.test(rest)) return { verb: 'reset-all' }
  if (/^transaction\b/i.test(rest)) return { verb: 'local' }
  const [, names] = spoken.find(([pattern]) => pattern.test(rest)) ?? []
  if (names !== undefined) return { verb: 'reset', names }
  const found = resetName.exec(rest)
  return found === null ? undefined : named('reset', found[1]!)
}

function setOf(rest: string): Order | undefined {
  // They end with their transaction, and may be said of none.
  if (/^(?:transaction|constraints)\b/i.test(rest)) return undefined
  const known = spoken.find(([pattern]) => pattern.test(rest))
  if (known !== undefined) {
    const [pattern, names] = known
    return { verb: isDefault.test(rest.replace(pattern, '').trim()) ? 'reset' : 'set', names }
  }
  const [, name, value = ''] = assigned.exec(rest) ?? []
  return name === undefined ? undefined : named(/^default$/i.test(value.trim()) ? 'reset' : 'set', name)
}

function named(verb: 'set' | 'reset', written: string): Order | undefined {
  const parts = written.match(new RegExp(part, 'g')) ?? []
  const name = parts.map((each) => (each.startsWith('"') ? each.slice(1, -1).replaceAll('""', '"') : each)).join('.')
  return ordered(verb, name)
}

function ordered(verb: 'set' | 'reset', written: string): Order | undefined {
  const name = written.toLowerCase()
  if (unreadable.has(name)) return undefined
  return ofTransaction.has(name) ? { verb: 'local' } : { verb, names: [name] }
}

const text = String.raw`'(?:[^'\\]|'')*'`
const parameter = String.raw`\$\d+`
const cast = String.raw`(?:\s*::\s*\w+)?`
const call = String.raw`(?:pg_catalog\s*\.\s*)?set_config\s*\(\s*(${text}|${parameter})${cast}\s*,\s*(?:${text}|${parameter}|null|-?[\d.]+)${cast}\s*,\s*(true|false|${parameter})${cast}\s*\)(?:\s+(?:as\s+)?\w+|\s+as\s+"[^"]+")?`
const calls = new RegExp(String.raw`^\s*select\s+${call}(?:\s*,\s*${call})*\s*$`, 'i')
const eachCall = new RegExp(call, 'gi')

/** `select set_config(…)`, where that is all. */
function configOf(sql: string, values: readonly unknown[]): Order | undefined {
  if (!calls.test(sql)) return undefined
  const names: string[] = []
  for (const [, name = '', local = ''] of sql.matchAll(eachCall)) {
    const isLocal = given(local, values)
    const said = given(name, values)
    const order = typeof said === 'string' ? ordered('set', said) : undefined
    if (typeof isLocal !== 'boolean' || order === undefined) return undefined
    if (!isLocal && order.verb === 'set') names.push(...order.names)
  }
  return names.length === 0 ? { verb: 'local' } : { verb: 'set', names }
}

/** What a constant or a parameter stands for. */
function given(written: string, values: readonly unknown[]): unknown {
  if (written.startsWith('$')) {
    const value = values[Number(written.slice(1)) - 1]
    return value === 'true' || value === 'false' ? value === 'true' : value
  }
  if (written.startsWith("'")) return written.slice(1, -1).replaceAll("''", "'")
  return written.toLowerCase() === 'true'
}
