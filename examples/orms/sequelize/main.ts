import { DataTypes, Sequelize } from 'sequelize'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import { runShop, type Product, type Review } from '../shop.ts'

await runShop(async (client) => {
  const onMysql = client.engine === 'mysql'
  const sequelize = new Sequelize({
    dialect: onMysql ? 'mysql' : 'postgres',
    // The one line. No `replication` beside it, and no host or password: the client of Signalbox has them.
    dialectModule: onMysql ? mysql2For(client) : pgFor(client),
    logging: false,
  })
  const options = { timestamps: false, freezeTableName: true }
  const id = { type: DataTypes.INTEGER, primaryKey: true }
  const products = sequelize.define('product', { id, name: DataTypes.STRING, stock: DataTypes.INTEGER }, options)
  const productId = { type: DataTypes.INTEGER, field: 'product_id' }
  const reviews = sequelize.define('review', { id, productId, text: DataTypes.STRING }, options)

  return {
    queries: {
      addProduct: (product) => products.create({ ...product }),
      product: async (id) => (await products.findByPk(id))?.get({ plain: true }) as Product | undefined,
      sell: (id) =>
        sequelize.transaction(async (transaction) => {
          const product = await products.findByPk(id, { lock: true, transaction })
          await product!.decrement('stock', { transaction })
        }),
      addReview: (review) => reviews.create({ ...review }),
      reviews: async (productId) =>
        (await reviews.findAll({ where: { productId } })).map((row) => row.get({ plain: true }) as Review),
    },
    close: () => sequelize.close(),
  }
})
