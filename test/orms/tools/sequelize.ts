import { DataTypes, Sequelize, type Model, type Transaction } from 'sequelize'
import type { Calls, InTransaction, Orm, Product, Review } from '../orm.ts'

/** The same in both versions of Sequelize, but for the types. */
export interface Kinds {
  readonly INTEGER: typeof DataTypes.INTEGER
  readonly STRING: typeof DataTypes.STRING
}

export const sequelizeTool: Orm = {
  name: 'Sequelize 6',
  open: ({ pg, url }) => {
    const sequelize = new Sequelize(url, { dialect: 'postgres', dialectModule: pg, logging: false })
    const inner: Nest = async (transaction, work) => await sequelize.transaction({ transaction }, work)
    return Promise.resolve(sequelizeShop(sequelize, DataTypes, inner))
  },
}

type Nest = <T>(transaction: Transaction, work: (inner: Transaction) => Promise<T>) => Promise<T>
type Row<T extends object> = Model<T, T>

/** `nest` begins a savepoint, which the versions say in other words. */
export function sequelizeShop(sequelize: Sequelize, { INTEGER, STRING }: Kinds, nest: Nest) {
  const options = { timestamps: false, freezeTableName: true }
  const id = { type: INTEGER, primaryKey: true }
  const products = sequelize.define<Row<Product>>('product', { id, name: STRING, stock: INTEGER }, options)
  const productId = { type: INTEGER, field: 'product_id' }
  const reviews = sequelize.define<Row<Review>>('review', { id, productId, text: STRING }, options)
  const plain = <T extends object>(row: Row<T> | null): T | undefined => row?.get({ plain: true })

  const callsOf = (transaction: Transaction | null): Calls => ({
    insert: async (product) => plain(await products.create({ ...product }, { transaction }))!,
    find: async (id) => plain(await products.findByPk(id, { transaction })),
    setStock: async (id, stock) => void (await products.update({ stock }, { where: { id }, transaction })),
    raw: async <Row>(text: string) => (await sequelize.query(text, { transaction }))[0] as Row[],
  })
  const lock = async (id: number, transaction: Transaction | null): Promise<Product | undefined> =>
    plain(await products.findByPk(id, { lock: true, transaction }))
  const inTransaction = (transaction: Transaction): InTransaction => ({
    ...callsOf(transaction),
    lock: async (id) => await lock(id, transaction),
    savepoint: async (work) => await nest(transaction, async (inner) => await work(inTransaction(inner))),
  })
  return {
    ...callsOf(null),
    findAll: async () => (await products.findAll({ order: ['id'] })).map((row) => plain(row)!),
    addReview: async (review: Review) => void (await reviews.create({ ...review })),
    reviewsOf: async (productId: number) => (await reviews.findAll({ where: { productId } })).map((row) => plain(row)!),
    lock: async (id: number) => await lock(id, null),
    transaction: async <T>(work: (tx: InTransaction) => Promise<T>) =>
      await sequelize.transaction(async (transaction) => await work(inTransaction(transaction))),
    [Symbol.asyncDispose]: async () => await sequelize.close(),
  }
}
