import { fileURLToPath } from 'node:url'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import type { Calls, InTransaction, MysqlPlace, Orm, OrmUnderTest, Product, Review } from '../orm.ts'
import { generatePrisma } from './generate-prisma.ts'

/** What is used of the client that Prisma makes of `shop.prisma`. */
interface Tables {
  readonly product: Table<Product>
  readonly review: Table<Review>
  $queryRawUnsafe<T>(text: string): Promise<T>
  $executeRawUnsafe(text: string): Promise<number>
}

interface Table<Row> {
  create(args: { readonly data: Row }): Promise<Row>
  findUnique(args: { readonly where: Partial<Row> }): Promise<Row | null>
  findFirst(args: { readonly where: Partial<Row> }): Promise<Row | null>
  findMany(args: { readonly where?: Partial<Row>; readonly orderBy?: unknown }): Promise<readonly Row[]>
  update(args: { readonly where: Partial<Row>; readonly data: Partial<Row> }): Promise<Row>
}

interface PrismaClient extends Tables {
  $transaction<T>(work: (tx: Tables) => Promise<T>): Promise<T>
  $disconnect(): Promise<void>
}

type FindBy = 'findUnique' | 'findFirst'

type Adapter = PrismaMariaDb | PrismaPg

interface Generated {
  readonly PrismaClient: new (options: { readonly adapter: Adapter }) => PrismaClient
}

export const prismaTool: Orm = {
  name: 'Prisma',
  open: async ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    return await prismaShop('shop.prisma', new PrismaPg(pool), pool)
  },
}

/** Prisma makes one statement of all `findUnique` of one moment; other reads are a statement each. */
export const singlePrismaTool: Orm = {
  name: 'Prisma, findFirst',
  open: async ({ pg, url }) => {
    const pool = new pg.Pool({ connectionString: url })
    return await prismaShop('shop.prisma', new PrismaPg(pool), pool, 'findFirst')
  },
}

export const prismaMariadbTool: Orm<MysqlPlace> = {
  name: 'Prisma, on MariaDB',
  open: async ({ mariadb, url }) => {
    const pool = mariadb.createPool(url)
    // The adapter asks for all that `mariadb` has, and uses what there is.
    return await prismaShop('shop-mysql.prisma', new PrismaMariaDb(pool as never), pool)
  },
}

/** Prisma's own engine, on a pool that it does not end. */
async function prismaShop(
  schema: string,
  adapter: Adapter,
  pool: { end(): Promise<void> },
  by: FindBy = 'findUnique',
): Promise<OrmUnderTest> {
  const made = await generatePrisma(fileURLToPath(new URL(schema, import.meta.url)))
  const { PrismaClient } = (await import(made.href)) as Generated
  const prisma = new PrismaClient({ adapter })
  return {
    ...callsOf(prisma, by),
    findAll: async () => await prisma.product.findMany({ orderBy: { id: 'asc' } }),
    addReview: async (review) => void (await prisma.review.create({ data: review })),
    reviewsOf: async (productId) => await prisma.review.findMany({ where: { productId } }),
    transaction: async (work) => await prisma.$transaction(async (tx) => await work(inTransaction(tx))),
    [Symbol.asyncDispose]: async () => {
      await prisma.$disconnect()
      await pool.end()
    },
  }
}

const callsOf = (prisma: Tables, by: FindBy = 'findUnique'): Calls => ({
  insert: async (product) => await prisma.product.create({ data: product }),
  find: async (id) => (await prisma.product[by]({ where: { id } })) ?? undefined,
  setStock: async (id, stock) => void (await prisma.product.update({ where: { id }, data: { stock } })),
  raw: async (text) => await prisma.$queryRawUnsafe(text),
})

/** Prisma has neither locking reads nor savepoints but by texts. */
const inTransaction = (tx: Tables): InTransaction => ({
  ...callsOf(tx),
  lock: async (id) => (await tx.$queryRawUnsafe<Product[]>(`select * from product where id = ${id} for update`))[0],
  savepoint: async (work) => {
    await tx.$executeRawUnsafe('savepoint inner_one')
    try {
      const result = await work(inTransaction(tx))
      await tx.$executeRawUnsafe('release savepoint inner_one')
      return result
    } catch (error) {
      await tx.$executeRawUnsafe('rollback to savepoint inner_one')
      throw error
    }
  },
})
