import type { Outcome } from './outcome.ts'
import type { Servers } from './servers.ts'

/** What a suite's own code is given in place of what it tests: see `subjects/`. */
export type SubjectName = 'bare' | 'delegate' | 'broken' | 'pg' | 'mysql2' | 'kysely'

/** Where a suite comes from, and what has to be there besides its own code. */
export interface Source {
  /** The name of the folder that its suites share. */
  readonly name: string
  readonly repository: string
  /** A tag or a commit. */
  readonly version: string
  /** What of the repository is copied. */
  readonly paths: readonly string[]
  /** What its suites need besides, from the registry: name to exact version. */
  readonly packages: Readonly<Record<string, string>>
  /** The module that a façade stands for, once the copy is prepared. */
  readonly bare: string
  /** Makes the copy ready in its folder, where the packages are installed already. */
  prepare(folder: string): Promise<void>
}

/** What a run is given. */
export interface RunPlace {
  /** The source's copy, prepared. */
  readonly folder: string
  readonly servers: Servers
  /** Options of Node.js that put the subject in the place of what is tested; none for `bare`. */
  readonly nodeOptions: readonly string[]
  /** The environment that `nodeOptions` need. */
  readonly env: Readonly<Record<string, string>>
  /** A database that nothing was ever in. */
  readonly database: Database
  /** The tests that are wanted, by their names; a suite may run more, and does where it cannot run less. Default: all. */
  readonly only?: ReadonlySet<string>
  /** Where single tests count: a part of their names. Default: all. */
  readonly grep?: string
}

/** An empty database, as its own clients are told of it. */
export interface Database {
  readonly engine: Engine
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly name: string
  /** Data source names of the same database on all servers. */
  readonly primary: string
  readonly replicas: readonly string[]
}

export type Engine = 'postgres' | 'mysql' | 'sqlite'

/** One suite on one engine. */
export interface Suite {
  readonly name: string
  readonly source: Source
  readonly engine: Engine
  /** What of ours may stand in the place of what it tests; `bare` always may. */
  readonly subjects: readonly SubjectName[]
  /** What counts: single tests, or whole files. */
  readonly counts: 'tests' | 'files'
  run(place: RunPlace): Promise<readonly Outcome[]>
}
