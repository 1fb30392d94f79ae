import type { DriverResult, Engine } from '../drivers/driver.ts'
import { parseBranchName } from './branch-name.ts'

/** The engines that can prepare a transaction. */
export type PreparingEngine = Exclude<Engine, 'sqlite'>

/** What makes the work of a branch outlive its connection. */
export function prepareTexts(engine: PreparingEngine, name: string): readonly string[] {
  return engine === 'postgres'
    ? [`PREPARE TRANSACTION '${name}'`]
    : [`XA END ${xidOf(name)}`, `XA PREPARE ${xidOf(name)}`]
}

/** What ends a prepared branch, on any connection. */
export function finishText(engine: PreparingEngine, name: string, how: 'commit' | 'rollback'): string {
  const verb = how === 'commit' ? 'COMMIT' : 'ROLLBACK'
  return engine === 'postgres' ? `${verb} PREPARED '${name}'` : `XA ${verb} ${xidOf(name)}`
}

/** MySQL, MariaDB: what begins a branch, and what ends it without a second phase. */
export const xaTexts = {
  start: (name: string): string => `XA START ${xidOf(name)}`,
  commit: (name: string): readonly string[] => [`XA END ${xidOf(name)}`, `XA COMMIT ${xidOf(name)} ONE PHASE`],
  end: (name: string): string => `XA END ${xidOf(name)}`,
  rollback: (name: string): string => `XA ROLLBACK ${xidOf(name)}`,
}

/** The names that the server gives back are the two parts in one. Nothing in a name of ours needs quoting. */
function xidOf(name: string): string {
  const cut = name.lastIndexOf('_')
  return `'${name.slice(0, cut)}','${name.slice(cut)}'`
}

/** Asks for everything that is prepared: in one database of PostgreSQL, on the whole server of MySQL and MariaDB. */
export const preparedText: Readonly<Record<PreparingEngine, string>> = {
  postgres:
    'select gid as data, (extract(epoch from clock_timestamp() - prepared) * 1000)::float8 as age_ms ' +
    "from pg_catalog.pg_prepared_xacts where database = current_database() and gid like 'signalbox~_%' escape '~'",
  mysql: 'XA RECOVER',
}

/** A branch that is prepared on a server. */
export interface PreparedBranch {
  readonly name: string
  /** The id of its transaction. */
  readonly id: string
  /** PostgreSQL: milliseconds since it was prepared, by the server's clock. */
  readonly ageMs: number | undefined
}

/** The branches of a log among what the server has told. */
export function preparedBranches({ rows }: DriverResult, log: string): readonly PreparedBranch[] {
  return rows.flatMap((row) => {
    const { data, age_ms: age } = row as { readonly data: unknown; readonly age_ms?: unknown }
    const name = Buffer.isBuffer(data) ? data.toString() : String(data)
    const parsed = parseBranchName(name)
    if (parsed?.log !== log) return []
    return [{ name, id: parsed.id, ageMs: age === undefined ? undefined : Number(age) }]
  })
}

/** PostgreSQL answers PREPARE TRANSACTION in a failed transaction with success, and the tag of what it did instead. */
export function wasRolledBack({ native }: DriverResult): boolean {
  return typeof native === 'object' && native !== null && 'command' in native && native.command === 'ROLLBACK'
}

/** What tells whether the server can prepare transactions so that they outlive their connection. */
export const supportText: Readonly<Record<PreparingEngine, string>> = {
  postgres: "select current_setting('max_prepared_transactions') as answer",
  mysql: 'select version() as answer',
}

/** Why the server cannot; `undefined` if it can. */
export function whyNotPrepared(engine: PreparingEngine, answer: string): string | undefined {
  if (engine === 'postgres')
    return answer === '0'
      ? 'its max_prepared_transactions is 0; set it to at least the number of transactions that may be prepared at a time, and restart the server'
      : undefined
  const [major = 0, minor = 0] = answer.split('.').map(Number.parseFloat)
  const oldest = answer.includes('MariaDB') ? [10, 5] : [5, 7]
  const isNewEnough = major > oldest[0]! || (major === oldest[0] && minor >= oldest[1]!)
  return isNewEnough ? undefined : `${answer} forgets a prepared transaction when its connection breaks`
}
