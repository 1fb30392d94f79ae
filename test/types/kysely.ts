/**
 * What must compile and what must not: checked by `tsc --noEmit`, run by nobody. A line that should be refused and is
 * not makes its `@ts-expect-error` an error.
 */
import type { Generated, Kysely, Transaction } from 'kysely'
import { kysely, onCommit, SignalboxDialect, signalboxErrorOf, using } from '../../src/adapters/kysely.ts'
import { connect } from '../../src/index.ts'

interface Shop {
  product: { id: Generated<number>; name: string }
  review: { id: number; text: string | null }
}

const client = await connect({
  databases: { default: 'shop', shop: 'sqlite::memory:', archive: 'sqlite:./archive.db' },
})

export const db: Kysely<Shop> = kysely<Shop>(client)
export const bound: Kysely<Shop> = kysely<Shop>(client.using('archive'), {
  engine: 'sqlite',
  log: ['query'],
  plugins: [],
})

const products: { id: number; name: string }[] = await db.selectFrom('product').selectAll().execute()
const texts: (string | null)[] = (await db.selectFrom('review').select('text').execute()).map(({ text }) => text)
await db.insertInto('product').values({ name: 'chair' }).execute()
export const elsewhere: Kysely<Shop> = db.withPlugin(using(client, 'archive'))
await db.withPlugin(using(client, 'sqlite:./other.db')).selectFrom('product').select('id').execute()
await db.transaction().execute(async (trx: Transaction<Shop>) => {
  const inside: Transaction<Shop> = trx.withPlugin(using(client, 'archive'))
  await inside.selectFrom('review').select('text').execute()
})
export const database: string | undefined = signalboxErrorOf(new Error('x'))?.database
export const dialect = new SignalboxDialect(client, { engine: 'postgres' })

await db.transaction().execute(async (trx) => await onCommit(trx, () => 'done'))
await onCommit(await db.startTransaction().execute(), () => undefined)

// @ts-expect-error -- an instance is not committed
await onCommit(db, () => undefined)
// @ts-expect-error -- no such table
db.selectFrom('produkt')
// @ts-expect-error -- no such column
db.selectFrom('product').select('nmae')
// @ts-expect-error -- no such column in a condition
bound.selectFrom('product').where('text', '=', 'x')
// @ts-expect-error -- a value of the wrong type
db.insertInto('product').values({ name: 7 })
// @ts-expect-error -- a column is missing
db.insertInto('review').values({ text: 'x' })
// @ts-expect-error -- a misspelt alias
using(client, 'archvie')
// @ts-expect-error -- a misspelt alias
kysely<Shop>(client.using('archvie'))
// @ts-expect-error -- no such engine
kysely<Shop>(client, { engine: 'mariadb' })
// @ts-expect-error -- the dialect is what this makes
kysely<Shop>(client, { dialect })
// @ts-expect-error -- text may be null
export const notNull: string[] = texts
// @ts-expect-error -- rows have no such property
export const absent: unknown = products[0]?.price
// @ts-expect-error -- an instance is no transaction
export const transaction: Transaction<Shop> = db
