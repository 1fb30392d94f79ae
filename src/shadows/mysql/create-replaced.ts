import { ShadowError } from '../../errors.ts'
import type { DriverPool, Lease } from '../../drivers/driver.ts'
import { quotedName } from '../../statement/quotes.ts'
import type { Shadow } from '../../topology/shadow.ts'
import { ShadowCatalogue } from '../shadow-catalogue.ts'
import { ownPrefix, type ShadowTable } from '../shadow-table.ts'

/** Where the shadow notes what it keeps. */
const recordTable = `${ownPrefix}shadow`

type Row = Readonly<Record<string, unknown>>

/**
 * Learns the tables of the base, and makes those that are replaced in the local database, empty. Throws `ShadowError` where the local
 * database has such a table that the shadow did not make.
 */
export async function openReplaced(
  local: DriverPool,
  base: DriverPool,
  alias: string,
  shadow: Shadow,
): Promise<ShadowCatalogue> {
  const ask = async (sql: string, params: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await base.query({ sql, params, access: 'read' })).rows as readonly Row[]
  const names = (
    await ask(
      'SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
    )
  ).map(({ name, type }) => ({ name: String(name), isTable: type === 'BASE TABLE' }))
  const replaced = names
    .filter(({ name, isTable }) => isTable && shadow.kinds.of({ name }) === 'replace')
    .map(({ name }) => name)
  const lease = await local.lease({ access: 'write' })
  try {
    await makeAll(lease, ask, alias, replaced)
  } finally {
    await lease.release('destroy')
  }
  const [folding] = await ask('SELECT @@lower_case_table_names AS folding')
  return new ShadowCatalogue({
    alias,
    base: shadow.base,
    tables: replaced.map(tableOf),
    baseNames: names.map(({ name }) => name),
    foldsNames: Number(folding?.['folding']) !== 0,
  })
}

async function makeAll(
  lease: Lease,
  askBase: (sql: string) => Promise<readonly Row[]>,
  alias: string,
  replaced: readonly string[],
): Promise<void> {
  const run = async (sql: string, params: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await lease.query({ sql, params, access: 'write' })).rows as readonly Row[]
  await run(`CREATE TABLE IF NOT EXISTS ${recordTable} (name VARCHAR(64) PRIMARY KEY)`)
  // One process makes them; the others find them made.
  await run('SELECT GET_LOCK(CONCAT(?, DATABASE()), 60)', [recordTable])
  const made = new Set((await run(`SELECT name FROM ${recordTable}`)).map(({ name }) => String(name)))
  // Foreign keys may lead to tables that come later, or that stay in the base.
  await run('SET SESSION foreign_key_checks = 0')
  for (const name of replaced) {
    if (made.has(name)) continue
    const [found] = await askBase(`SHOW CREATE TABLE ${quotedName('mysql', name)}`)
    const taken = await run(
      'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
      [name],
    )
    if (taken.length > 0)
      throw new ShadowError(
        `The local database of "${alias}" has a table ${name} of its own, which the shadow would keep there. Give the shadow another database.`,
      )
    await run(withoutStrangers(String(found?.['Create Table']), new Set(replaced)))
    await run(`INSERT INTO ${recordTable} VALUES (?)`, [name])
  }
}

/** Without foreign keys to tables of the base, which the local server cannot see. */
function withoutStrangers(sql: string, replaced: ReadonlySet<string>): string {
  const lines = sql.split('\n').filter((line) => {
    const referenced = /^\s*CONSTRAINT .* FOREIGN KEY .* REFERENCES `((?:[^`]|``)+)`/.exec(line)?.[1]
    return referenced === undefined || replaced.has(referenced.replaceAll('``', '`'))
  })
  return lines.join('\n').replace(/,\n\)/, '\n)')
}

/** Nothing is laid over a replaced table, so nothing else has to be known of it. */
function tableOf(name: string): ShadowTable {
  const none = { columns: [], primaryKey: [], uniqueKeys: [], foreignKeys: [], baseColumns: [] }
  return { ...none, name, storage: 'replace' }
}
