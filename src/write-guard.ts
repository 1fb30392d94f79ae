import { resolve } from 'node:path'
import { ConfigError, UnknownDatabaseError } from './errors.ts'
import { readStrings } from './option.ts'
import { databaseNameOfDsn, endpointOfDsn, engineOfDsn, redactDsn } from './topology/dsn.ts'
import { nearMatches } from './topology/near-match.ts'
import type { Database, Server } from './topology/topology.ts'
import { parseSqliteDsn } from './drivers/sqlite/dsn.ts'

/** The environment variable that names databases which no client of the process writes to. */
export const noWritesVariable = 'SIGNALBOX_NO_WRITES_TO'

/** Every database, in the option and in the variable. */
const every = '*'

/** Who names what: `by` for messages, the names as written. */
interface Ban {
  readonly by: string
  readonly names: readonly string[]
}

/** Which databases nothing is written to, and why. Made of names; later asked for the same servers under another name. */
export class WriteGuard {
  readonly #bans: readonly Ban[]
  readonly #aliases: ReadonlyMap<string, string>
  /** Where a named database is, and why nothing is written there. */
  readonly #places = new Map<unknown, string>()
  /** By the server of MySQL or MariaDB: the schemas there to which nothing is written, and why. */
  readonly #schemas = new Map<string, Map<string, string>>()

  /**
   * `variable`: the value of {@link noWritesVariable}. Other clients of the process may have other databases, so a name there that
   * this one does not declare is passed over, unless it looks like one that was misspelt.
   *
   * Throws `UnknownDatabaseError`, and `ConfigError` for `option` if it is no list of names.
   */
  constructor(option: unknown, variable: string | undefined, aliases: ReadonlyMap<string, string>) {
    const inVariable = (variable ?? '').split(',').map((name) => name.trim())
    this.#aliases = aliases
    this.#bans = [
      { by: '`noWritesTo` names it', names: optionNames(option, aliases) },
      {
        by: `the environment variable ${noWritesVariable} names it`,
        names: inVariable.filter((name) => name !== '' && isMeant(name, aliases)),
      },
    ]
  }

  /** The databases of a configuration, those that are named marked, and those that are on a server of a named one. */
  marked(databases: ReadonlyMap<string, Database>): Map<string, Database> {
    for (const database of databases.values()) {
      const because = this.#named(database)
      if (because === undefined) continue
      const here = `it is where "${database.alias}" is, and ${because.replace(/ it$/, ' that')}`
      for (const place of placesOf(database)) if (!this.#places.has(place)) this.#places.set(place, here)
      this.#noteSchema(database, here)
    }
    return new Map([...databases].map(([alias, database]) => [alias, this.mark(database)]))
  }

  /** The database, marked if nothing is to be written to it. */
  mark(database: Database): Database {
    const noWrites = this.#named(database) ?? this.#placed(database)
    if (noWrites !== undefined) return Object.freeze({ ...database, noWrites })
    const schemas = serversOf(database).flatMap((server) => [...(this.#schemas.get(endpointOf(server) ?? '') ?? [])])
    return schemas.length === 0 ? database : Object.freeze({ ...database, schemasWithoutWrites: new Map(schemas) })
  }

  #noteSchema(database: Database, because: string): void {
    const { engine, schema } = database
    if (engine !== 'mysql' || schema === undefined) return
    for (const server of serversOf(database)) {
      const endpoint = endpointOf(server)
      if (endpoint === undefined) continue
      const schemas = this.#schemas.get(endpoint) ?? new Map<string, string>()
      this.#schemas.set(endpoint, schemas.set(schema.toLowerCase(), because))
    }
  }

  #named({ alias }: Database): string | undefined {
    const isNamed = (name: string): boolean => name === every || this.#aliases.get(name) === alias
    return this.#bans.find(({ names }) => names.some(isNamed))?.by
  }

  #placed(database: Database): string | undefined {
    const place = placesOf(database).find((each) => this.#places.has(each))
    return place === undefined ? undefined : this.#places.get(place)
  }
}

function optionNames(option: unknown, aliases: ReadonlyMap<string, string>): readonly string[] {
  if (typeof option === 'string') throw new ConfigError('noWritesTo', 'It is a text.', 'a list of aliases')
  const names = readStrings(option, 'noWritesTo')
  for (const name of names) if (name !== every && !aliases.has(name)) throw unknown(name, aliases, 'noWritesTo: ')
  return names
}

function isMeant(name: string, aliases: ReadonlyMap<string, string>): boolean {
  if (name === every || aliases.has(name)) return true
  if (nearMatches(name, [...aliases.keys()]).length > 0) throw unknown(name, aliases, `${noWritesVariable}: `)
  return false
}

function unknown(name: string, aliases: ReadonlyMap<string, string>, context: string): UnknownDatabaseError {
  const known = [...aliases.keys()]
  return new UnknownDatabaseError(redactDsn(name), known, nearMatches(name, known), context)
}

/** By what its servers are known again, as far as their names tell: host, port and database; a file; a handle. */
function placesOf(database: Database): readonly unknown[] {
  return serversOf(database)
    .map(placeOf)
    .filter((place) => place !== undefined)
}

function serversOf({ shards }: Database): readonly Server[] {
  return shards.flatMap(({ primary, replicas }) => [primary, ...replicas])
}

function placeOf(server: Server): unknown {
  const target = server.target()
  if (target.from === 'handle') return target.handle
  const { dsn } = target
  if (engineOfDsn(dsn) === 'sqlite') {
    const { file } = parseSqliteDsn(dsn)
    // Each database in memory is one of its own.
    return file === ':memory:' ? undefined : resolve(file)
  }
  const endpoint = endpointOf(server)
  return endpoint === undefined ? dsn : `${endpoint}/${databaseNameOfDsn(dsn) ?? ''}`
}

/** Engine, host and port, as far as a data source name says. */
function endpointOf(server: Server): string | undefined {
  const target = server.target()
  const endpoint = target.from === 'dsn' ? endpointOfDsn(target.dsn) : undefined
  if (target.from !== 'dsn' || endpoint === undefined) return undefined
  const host = localNames.has(endpoint.host) ? 'localhost' : endpoint.host.toLowerCase()
  return `${engineOfDsn(target.dsn)}://${host}:${endpoint.port}`
}

const localNames: ReadonlySet<string> = new Set(['127.0.0.1', '::1'])
