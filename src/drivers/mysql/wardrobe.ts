import type { PoolConnection } from 'mysql2'
import type { DriverRequest } from '../driver.ts'
import { run } from './killer.ts'
import { statedSettings } from './stated-settings.ts'

/** What a connection wears, and the statement that takes it off. */
interface Worn {
  readonly key: string
  readonly restore: string
}

/**
 * Settings that connections of a pool wear for those who asked for them. A connection keeps them when it is given back, so that the next
 * one who wants the same pays nothing; before anybody else's statement exactly these variables get back the values that they had.
 */
export class Wardrobe {
  readonly #worn = new WeakMap<PoolConnection, Worn>()

  /** Whether nothing has to be changed for a statement with these settings. */
  fits(connection: PoolConnection, settings: DriverRequest['settings']): boolean {
    return settings === 'any' || this.#worn.get(connection)?.key === settings?.key
  }

  /** Rejects with mysql2's error; the connection must not be used by others then. */
  async change(connection: PoolConnection, settings: DriverRequest['settings']): Promise<void> {
    if (settings === 'any') return
    const worn = this.#worn.get(connection)
    if (worn !== undefined) await run(connection, worn.restore)
    this.#worn.delete(connection)
    const stated = statedSettings(settings)
    if (stated === undefined) return
    const restore = await restoring(connection, stated.variables)
    for (const statement of stated.statements) await run(connection, statement)
    this.#worn.set(connection, { key: stated.key, restore })
  }

  /** The session of the connection was reset by other means. */
  forget(connection: PoolConnection): void {
    this.#worn.delete(connection)
  }
}

/** The types of variables that are numbers: LONGLONG and DOUBLE. They take no text. */
const numberTypes: ReadonlySet<unknown> = new Set([8, 5])

/** The statement that gives the variables the values which they have now. */
async function restoring(connection: PoolConnection, variables: readonly string[]): Promise<string> {
  const columns = variables.flatMap((name) => [`@@session.${name}`, `quote(@@session.${name})`])
  const { row, types } = await firstRow(connection, `select ${columns.join(', ')}`)
  const parts = variables.map((name, i) => {
    const value = (numberTypes.has(types[2 * i]) ? row[2 * i] : row[2 * i + 1]) as string | number | null
    return `@@session.${name} = ${value ?? 'null'}`
  })
  return `set ${parts.join(', ')}`
}

interface FirstRow {
  readonly row: readonly unknown[]
  readonly types: readonly unknown[]
}

function firstRow(connection: PoolConnection, sql: string): Promise<FirstRow> {
  return new Promise((resolve, reject) => {
    connection.query(
      // Nothing that an option of the data source name could change.
      { sql, rowsAsArray: true, typeCast: true, supportBigNumbers: true, bigNumberStrings: true },
      (error, rows, fields) => {
        if (error) return reject(error)
        const [row = []] = rows as unknown as readonly (readonly unknown[])[]
        resolve({ row, types: fields.map(({ columnType }) => columnType) })
      },
    )
  })
}
