import type * as bare from 'mysql2'
import type { Client, Config, Scope } from '../../index.ts'

/** What may stand behind a pool or a connection: a client of Signalbox, a scope of it, or a configuration as `connect()` takes it. */
export type Signalbox = Client | Scope | Config | string

/** What a connection takes: the settings of `mysql2`, and which client of Signalbox stands behind it. */
export interface ConnectionOptions extends bare.ConnectionOptions {
  /**
   * A client of Signalbox or a scope of it, which stays open; or a configuration as `connect()` takes it, whose client is closed with the last pool and
   * connection that were given the same object. Default: the client of {@link useClient}, or of the configuration file that the environment variable
   * `SIGNALBOX_CONFIG` names, or else the server that the other settings name.
   */
  readonly signalbox?: Signalbox | undefined
}

/** What a pool takes: the settings of `mysql2`, and which client of Signalbox stands behind it. */
export interface PoolOptions extends bare.PoolOptions {
  /** As for a connection: see {@link ConnectionOptions}. */
  readonly signalbox?: Signalbox | undefined
}

/** A class for `instanceof`; its objects are made by functions. */
export type ClassOf<T> = abstract new (...parameters: never[]) => T
