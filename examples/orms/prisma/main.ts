import { PrismaPg } from '@prisma/adapter-pg'
import { pgFor } from 'signalbox/pg'
import { runShop } from '../shop.ts'
// Made of schema.prisma by `npx prisma generate`.
import { PrismaClient } from './generated/client.ts'

await runShop(async (client) => {
  // The one line: a pool of `pgFor(client)` in place of one of `pg`. The adapter knows it by its class, so both have to find the same `pg`.
  const { Pool } = pgFor(client)
  const pool = new Pool({ max: 20 })
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })

  return {
    queries: {
      addProduct: (data) => prisma.product.create({ data }),
      product: (id) => prisma.product.findUnique({ where: { id } }),
      sell: (id) =>
        prisma.$transaction(async (tx) => {
          // Prisma has no locking reads of its own; a text goes where it belongs, too.
          await tx.$queryRaw`select id from product where id = ${id} for update`
          await tx.product.update({ where: { id }, data: { stock: { decrement: 1 } } })
        }),
      addReview: (data) => prisma.review.create({ data }),
      reviews: (productId) => prisma.review.findMany({ where: { productId } }),
    },
    close: async () => {
      await prisma.$disconnect()
      // It is ours: Prisma does not end it.
      await pool.end()
    },
  }
})
