import type { Isolation, TransactionOptions } from '../../index.ts'

/** What a text that controls a transaction asks for. */
export type Control =
  | { readonly verb: 'begin'; readonly options: TransactionOptions }
  | { readonly verb: 'commit' | 'rollback'; readonly chain: boolean }
  | { readonly verb: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  | { readonly verb: 'set-transaction'; readonly options: TransactionOptions }

/** A name as PostgreSQL writes it: quoted, or folded to lower case. */
const name = String.raw`("(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`
const work = String.raw`(?:\s+(?:work|transaction))?`
const end = String.raw`\s*;?\s*$`

const begin = new RegExp(String.raw`^(?:begin${work}|start\s+transaction)((?:\s|,)[^;]*)?${end}`, 'i')
const setTransaction = new RegExp(String.raw`^set\s+(?:local\s+)?transaction(\s[^;]*)${end}`, 'i')
const commit = new RegExp(String.raw`^(?:commit|end)${work}(\s+and\s+(?:no\s+)?chain)?${end}`, 'i')
const rollback = new RegExp(String.raw`^(?:rollback|abort)${work}(\s+and\s+(?:no\s+)?chain)?${end}`, 'i')
const savepoint = new RegExp(String.raw`^savepoint\s+${name}${end}`, 'i')
const release = new RegExp(String.raw`^release\s+(?:savepoint\s+)?${name}${end}`, 'i')
const rollbackTo = new RegExp(String.raw`^rollback${work}\s+to\s+(?:savepoint\s+)?${name}${end}`, 'i')

/** Comments before and between the words of a control statement are as blanks. Strings cannot stand there. */
const comments = /\/\*(?:[^*]|\*(?!\/))*\*\/|--[^\n]*/g

/**
 * What one statement that is known to control a transaction asks for; `undefined` for what only a server can do (two-phase commit, snapshots,
 * DEFERRABLE), or what is not understood.
 */
export function controlOf(sql: string): Control | undefined {
  const text = sql.replace(comments, ' ').trim()
  const begun = begin.exec(text)
  if (begun !== null) return withModes('begin', begun[1] ?? '')
  const set = setTransaction.exec(text)
  if (set !== null) return withModes('set-transaction', set[1] ?? '')
  const point = rollbackTo.exec(text)
  if (point !== null) return { verb: 'rollback-to', name: unquoted(point[1]!) }
  const done = commit.exec(text)
  if (done !== null) return { verb: 'commit', chain: isChained(done[1]) }
  const undone = rollback.exec(text)
  if (undone !== null) return { verb: 'rollback', chain: isChained(undone[1]) }
  const set2 = savepoint.exec(text)
  if (set2 !== null) return { verb: 'savepoint', name: unquoted(set2[1]!) }
  const released = release.exec(text)
  return released === null ? undefined : { verb: 'release', name: unquoted(released[1]!) }
}

const isolation = /^isolation\s+level\s+(read\s+uncommitted|read\s+committed|repeatable\s+read|serializable)/i
const access = /^read\s+(only|write)/i
const notDeferrable = /^not\s+deferrable/i

function withModes(verb: 'begin' | 'set-transaction', modes: string): Control | undefined {
  let rest = modes.replace(/^[\s,]+/, '')
  let options: TransactionOptions = {}
  while (rest !== '') {
    const level = isolation.exec(rest)
    const mode = access.exec(rest)
    const found = level ?? mode ?? notDeferrable.exec(rest)
    if (found === null) return undefined
    if (level !== null) options = { ...options, isolation: level[1]!.toLowerCase().replace(/\s+/, ' ') as Isolation }
    if (mode !== null) options = { ...options, readOnly: mode[1]!.toLowerCase() === 'only' }
    rest = rest.slice(found[0].length).replace(/^[\s,]+/, '')
  }
  return { verb, options }
}

function isChained(clause: string | undefined): boolean {
  return clause !== undefined && !/\sno\s/i.test(clause)
}

function unquoted(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written.toLowerCase()
}
