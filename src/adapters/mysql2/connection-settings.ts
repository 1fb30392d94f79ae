/** What `mysql2` has made of the settings of a connection, its defaults included. */
export interface ConnectionSettings {
  readonly host: string
  readonly port: number
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly database?: string | undefined
  readonly socketPath?: string | undefined
  readonly ssl?: unknown
  readonly charsetNumber?: number | undefined
  readonly connectTimeout?: number | undefined
}
