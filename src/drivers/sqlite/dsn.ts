import { ConfigError } from '../../errors.ts'
import { redactDsn } from '../../topology/dsn.ts'

/** What a data source name of SQLite says. */
export interface SqliteDsn {
  /** A path, relative to the working directory unless absolute, or `:memory:`. */
  readonly file: string
  /** `rwc` (default): read, write, create; `rw`: the file must exist; `ro`: read only. */
  readonly mode: 'rwc' | 'rw' | 'ro'
  /** `wal` (default): write-ahead logging is switched on when the file is opened for writing; `keep`: as found. */
  readonly journal: 'wal' | 'keep'
  /** `number` (default): integers are numbers, and one past 2^53 is an error; `bigint`: every integer is a bigint. */
  readonly integers: 'number' | 'bigint'
}

const choices = {
  mode: ['rwc', 'rw', 'ro'],
  journal: ['wal', 'keep'],
  integers: ['number', 'bigint'],
} as const

const forms = '"sqlite:./file.db", "sqlite:/abs/file.db", "sqlite:///abs/file.db" or "sqlite::memory:"'

/**
 * Takes a data source name apart: `sqlite:./file.db`, `sqlite:/abs/file.db`, `sqlite:///abs/file.db` or
 * `sqlite::memory:`, with options behind a `?` (see `SqliteDsn`). `%3F` and the like stand for characters of the path.
 *
 * `place` is the path in the configuration that errors name; default `dsn`.
 *
 * @throws ConfigError if the form, an option or a value is unknown.
 */
export function parseSqliteDsn(dsn: string, place = 'dsn'): SqliteDsn {
  const found = /^sqlite:([^?]*)(?:\?(.*))?$/is.exec(dsn)
  if (!found) throw new ConfigError(place, `"${redactDsn(dsn)}" is not the name of a SQLite database.`, forms)
  const file = pathOf(found[1] ?? '', dsn, place)
  const options = readOptions(new URLSearchParams(found[2] ?? ''), place)
  if (file === ':memory:' && options.mode !== 'rwc') {
    throw new ConfigError(
      place,
      `A database in memory is always new, so mode "${options.mode}" has no sense.`,
      'no mode',
    )
  }
  return { file, ...options }
}

function pathOf(raw: string, dsn: string, place: string): string {
  if (raw.startsWith('//') && !raw.startsWith('///')) {
    // Not quoted: what looks like a host may have a password before it.
    throw new ConfigError(place, 'The name has a host behind "//", and SQLite has none.', forms)
  }
  const path = raw.startsWith('///') ? raw.slice(2) : raw
  if (path === '' || path === '/') throw new ConfigError(place, `"${redactDsn(dsn)}" names no file.`, forms)
  try {
    return decodeURIComponent(path)
  } catch {
    throw new ConfigError(place, `"${redactDsn(dsn)}" has a "%" that starts no escape.`, '"%25" for a percent sign')
  }
}

function readOptions(given: URLSearchParams, place: string): Omit<SqliteDsn, 'file'> {
  for (const name of given.keys()) {
    if (!Object.hasOwn(choices, name)) {
      throw new ConfigError(place, `SQLite has no option "${name}".`, Object.keys(choices).join(', '))
    }
  }
  return {
    mode: choose('mode', choices.mode, given.get('mode'), place),
    journal: choose('journal', choices.journal, given.get('journal'), place),
    integers: choose('integers', choices.integers, given.get('integers'), place),
  }
}

function choose<V extends string>(name: string, allowed: readonly [V, ...V[]], value: string | null, place: string): V {
  if (value === null) return allowed[0]
  const found = allowed.find((each) => each === value)
  if (found === undefined) throw new ConfigError(place, `The option ${name} is "${value}".`, allowed.join(', '))
  return found
}
