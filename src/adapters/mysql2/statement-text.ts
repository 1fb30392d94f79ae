import type { Isolation, TransactionOptions } from '../../index.ts'

/** What a text that controls transactions asks for. */
export type Control =
  | { readonly verb: 'begin'; readonly options: TransactionOptions }
  | { readonly verb: 'commit' | 'rollback'; readonly chain: boolean }
  | { readonly verb: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  /** Of the next transaction, or of all that follow in the session. */
  | { readonly verb: 'set-transaction'; readonly options: TransactionOptions; readonly forSession: boolean }
  | { readonly verb: 'autocommit'; readonly on: boolean }

/** What a text stops: the statement of a connection, or all of it. */
export interface Kill {
  readonly what: 'query' | 'connection'
  readonly threadId: number
}

/** What a connection knows of its last statements, or of itself, and its name in SQL. */
export type OwnNumber = 'connection_id' | 'last_insert_id' | 'found_rows' | 'row_count'

const name = String.raw`(${'`'}(?:[^${'`'}]|${'``'})+${'`'}|[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)`
const end = String.raw`\s*;?\s*$`
const session = String.raw`(?:(?:session|local)\s+|@@(?:(?:session|local)\.)?)?`

const begin = new RegExp(String.raw`^(?:begin(?:\s+work)?|start\s+transaction((?:\s|,)[^;]*)?)${end}`, 'i')
const commit = new RegExp(String.raw`^commit(?:\s+work)?(\s+and\s+(?:no\s+)?chain)?(?:\s+no\s+release)?${end}`, 'i')
const rollback = new RegExp(String.raw`^rollback(?:\s+work)?(\s+and\s+(?:no\s+)?chain)?(?:\s+no\s+release)?${end}`, 'i')
const rollbackTo = new RegExp(String.raw`^rollback(?:\s+work)?\s+to\s+(?:savepoint\s+)?${name}${end}`, 'i')
const savepoint = new RegExp(String.raw`^savepoint\s+${name}${end}`, 'i')
const release = new RegExp(String.raw`^release\s+savepoint\s+${name}${end}`, 'i')
const setTransaction = new RegExp(String.raw`^set\s+(session\s+|local\s+)?transaction\s+([^;]*)${end}`, 'i')
const autocommit = new RegExp(String.raw`^set\s+${session}autocommit\s*:?=\s*(0|1|on|off|true|false)${end}`, 'i')
const isolationVariable = new RegExp(
  String.raw`^set\s+((?:session|local)\s+|@@(?:session|local)\.|@@)?(?:transaction_isolation|tx_isolation)\s*:?=\s*['"]([a-z-]+)['"]${end}`,
  'i',
)
const kill = new RegExp(String.raw`^kill\s+(?:(?:hard|soft)\s+)?(?:(connection|query)\s+)?(\d+)${end}`, 'i')
const ownNumber = new RegExp(
  String.raw`^select\s+(connection_id|last_insert_id|found_rows|row_count)\s*\(\s*\)(?:\s+(?:as\s+)?${name})?(?:\s+from\s+dual)?${end}`,
  'i',
)

/** Comments before and between the words of such statements are as blanks; what stands in those for one kind of server counts. */
const comments = /\/\*(?!M?!)(?:[^*]|\*(?!\/))*\*\/|#[^\n]*|--(?=\s)[^\n]*/g

/** What one statement asks of transactions; `undefined` for what only a server can do (XA, consistent snapshots), or what is not understood. */
export function controlOf(sql: string): Control | undefined {
  const text = plain(sql)
  const begun = begin.exec(text)
  if (begun !== null) {
    const options = modesOf(begun[1] ?? '')
    return options && { verb: 'begin', options }
  }
  const done = commit.exec(text)
  if (done !== null) return { verb: 'commit', chain: isChained(done[1]) }
  const undone = rollback.exec(text)
  if (undone !== null) return { verb: 'rollback', chain: isChained(undone[1]) }
  const point = rollbackTo.exec(text)
  if (point !== null) return { verb: 'rollback-to', name: unquoted(point[1]!) }
  const set = savepoint.exec(text)
  if (set !== null) return { verb: 'savepoint', name: unquoted(set[1]!) }
  const released = release.exec(text)
  if (released !== null) return { verb: 'release', name: unquoted(released[1]!) }
  return settingOfTransactions(text)
}

function settingOfTransactions(text: string): Control | undefined {
  const switched = autocommit.exec(text)
  if (switched !== null) return { verb: 'autocommit', on: /^(?:1|on|true)$/i.test(switched[1]!) }
  const variable = isolationVariable.exec(text)
  if (variable !== null) {
    const options = modesOf(`isolation level ${variable[2]!.replaceAll('-', ' ')}`)
    // With nothing but @@ before it, it is meant for the next transaction alone.
    return options && { verb: 'set-transaction', options, forSession: variable[1] !== '@@' }
  }
  const modes = setTransaction.exec(text)
  if (modes === null) return undefined
  const options = modesOf(modes[2]!)
  return options && { verb: 'set-transaction', options, forSession: modes[1] !== undefined }
}

/** Whether a text may be one that {@link killOf} or {@link ownNumberOf} knows, by a look at it: most are neither. */
export function mayBeOfConnection(sql: string): boolean {
  return /\bkill\b|connection_id|last_insert_id|found_rows|row_count/i.test(sql)
}

/** The connection, or the statement of one, that a text stops. */
export function killOf(sql: string): Kill | undefined {
  const [, what, threadId] = kill.exec(plain(sql)) ?? []
  if (threadId === undefined) return undefined
  return { what: what?.toLowerCase() === 'query' ? 'query' : 'connection', threadId: Number(threadId) }
}

/** The number that a text asks for and nothing else, and the name of the column. */
export function ownNumberOf(
  sql: string,
): { readonly number: OwnNumber; readonly textFor: (value: number | bigint | string) => string } | undefined {
  const text = plain(sql)
  const [, called, alias] = ownNumber.exec(text) ?? []
  if (called === undefined) return undefined
  const column = alias ?? `\`${/^select\s+(.*?)(?:\s+from\s+dual)?\s*;?\s*$/is.exec(text)![1]!}\``
  return {
    number: called.toLowerCase() as OwnNumber,
    textFor: (value) =>
      `select cast(${value} as ${String(value).startsWith('-') ? 'signed' : 'unsigned'}) as ${column}`,
  }
}

function plain(sql: string): string {
  return sql.replace(comments, ' ').trim()
}

const isolation =
  /^isolation\s+level\s+(read\s+uncommitted|read\s+committed|repeatable\s+read|serializable)(?=[\s,]|$)/i
const access = /^read\s+(only|write)(?=[\s,]|$)/i

function modesOf(modes: string): TransactionOptions | undefined {
  let rest = modes.replace(/^[\s,]+/, '')
  let options: TransactionOptions = {}
  while (rest !== '') {
    const level = isolation.exec(rest)
    const mode = access.exec(rest)
    const found = level ?? mode
    if (found === null) return undefined
    if (level !== null) options = { ...options, isolation: level[1]!.toLowerCase().replace(/\s+/, ' ') as Isolation }
    if (mode !== null) options = { ...options, readOnly: mode[1]!.toLowerCase() === 'only' }
    rest = rest.slice(found[0].length).replace(/^[\s,]+/, '')
  }
  return options
}

function isChained(clause: string | undefined): boolean {
  return clause !== undefined && !/\sno\s/i.test(clause)
}

function unquoted(written: string): string {
  return written.startsWith('`') ? written.slice(1, -1).replaceAll('``', '`') : written
}
