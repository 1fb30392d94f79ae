import type { CallOptions } from '../../index.ts'

/** As a driver takes them. */
export type SettingsOfCall = Extract<CallOptions['settings'], { readonly statements: unknown }>

/** One SET that can be said again on any connection, with the same effect. */
export interface Setting {
  readonly statement: string
  readonly variables: readonly string[]
  /** Its values refer to what was set before. */
  readonly reads: boolean
}

/** Settings of a session that are kept. Who sets more than these has so odd a session that a connection is kept for it. */
export const mostSettings = 50

const names = /^set\s+names\s+([\s\S]+)$/i
const characterSet = /^set\s+(?:character\s+set|charset)\s+([\s\S]+)$/i
const assignment = /^(?:(?:session|local)\s+|@@(?:session|local)\.|@@)?([a-z_]\w*)\s*:?=\s*([\s\S]+)$/i
/** A comment, which may hide anything; a variable of the user's; a query. */
const notRepeatable = /\/\*|#|--|(?:^|[^@])@(?!@)|\bselect\b/i

const ofNames = ['character_set_client', 'character_set_results', 'character_set_connection', 'collation_connection']

/** Variables that mean one statement or one transaction, count something, or are no setting of a session. */
const notSettings =
  /^(?:autocommit|global|persist|persist_only|session|local|password|role|names|transaction|tx_isolation|transaction_isolation|tx_read_only|transaction_read_only|timestamp|insert_id|last_insert_id|identity|rand_seed\d|pseudo_\w+|gtid_\w+|server_id|sql_log_bin|profiling|debug\w*|session_track_\w+|skip_parallel_replication|skip_replication|last_gtid|error_count|warning_count|in_transaction)$/i

/** What a text sets for its session, if that is all it does and it can be repeated. */
export function settingOf(sql: string): Setting | undefined {
  const statement = sql.trim().replace(/\s*;\s*$/, '')
  if (!/^set\s/i.test(statement) || notRepeatable.test(withoutStrings(statement))) return undefined
  const charset = names.exec(statement) ?? characterSet.exec(statement)
  if (charset !== null) return { statement, variables: ofNames, reads: /@@/.test(charset[1]!) }
  const parts = split(statement.slice(3))
  const variables: string[] = []
  let reads = false
  for (const part of parts) {
    const [, name, value] = assignment.exec(part.trim()) ?? []
    if (name === undefined || value === undefined || notSettings.test(name)) return undefined
    variables.push(name.toLowerCase())
    reads ||= /@@|\bdefault\b/i.test(value)
  }
  return variables.length === 0 ? undefined : { statement, variables, reads }
}

/** The settings of one session, in their order. */
export class SessionSettings {
  readonly #settings: readonly Setting[]
  readonly #forCall: SettingsOfCall | undefined

  constructor(settings: readonly Setting[] = []) {
    this.#settings = settings
    if (settings.length > 0) {
      const statements = settings.map(({ statement }) => statement)
      const variables = [...new Set(settings.flatMap(({ variables: each }) => each))]
      this.#forCall = { key: statements.join(';\n'), statements, variables }
    }
  }

  get size(): number {
    return this.#settings.length
  }

  /** What a call has to carry; `undefined` for a session as it began. */
  get forCall(): SettingsOfCall | undefined {
    return this.#forCall
  }

  /** With one more. What it sets anew, without regard to what was before, need not be said twice. */
  with(setting: Setting): SessionSettings {
    const kept = setting.reads
      ? this.#settings
      : this.#settings.filter(({ variables }) => !variables.every((name) => setting.variables.includes(name)))
    return new SessionSettings([...kept, setting])
  }
}

/** The items of a list, which commas in strings and parentheses do not part. */
function split(list: string): readonly string[] {
  const items: string[] = []
  let depth = 0
  let from = 0
  const masked = withoutStrings(list)
  for (let i = 0; i < masked.length; i++) {
    const char = masked[i]
    if (char === '(') depth += 1
    else if (char === ')') depth -= 1
    else if (char === ',' && depth === 0) {
      items.push(list.slice(from, i))
      from = i + 1
    }
  }
  return [...items, list.slice(from)]
}

const strings = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/g

/** The text with blanks for what is quoted, as long as before. */
export function withoutStrings(sql: string): string {
  return sql.replace(strings, (quoted) => ' '.repeat(quoted.length))
}
