import { describe, expect, it } from 'vitest'
import { connect, type Client, type Config } from '../../src/index.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

interface Shadowed extends AsyncDisposable {
  readonly shadow: Client
  readonly base: Client
  /** Another client of the same shadow. */
  readonly again: () => Promise<Client>
}

const shop = [
  'create table product (id integer primary key auto_increment, name varchar(40) not null, price decimal(8, 2) default 1.50)',
  `create table review (id integer primary key auto_increment, product_id integer not null, stars integer,
     constraint of_product foreign key (product_id) references product (id) on delete cascade)`,
  `create table reply (id integer primary key auto_increment, review_id integer,
     constraint of_review foreign key (review_id) references review (id))`,
  'create view cheap as select name from product where price < 5',
  "insert into product values (1, 'lamp', 10), (2, 'chair', 2.5)",
  'insert into review values (1, 1, 5), (2, 2, 4)',
]

async function shadowed(): Promise<Shadowed> {
  const stack = new AsyncDisposableStack()
  const [first, local] = [stack.use(await freshDatabase('mysql')), stack.use(await freshDatabase('mysql'))]
  const config: Config = {
    databases: {
      default: 'dev',
      dev: { shadow: { base: 'shop', local: local.dsn }, tables: { review: 'replace', reply: 'replace' } },
      shop: first.dsn,
    },
  }
  const base = stack.use(await connect(first.dsn))
  for (const sql of shop) await base.query(sql)
  const again = async (): Promise<Client> => stack.use(await connect(config))
  return { shadow: await again(), base, again, [Symbol.asyncDispose]: async () => await stack.disposeAsync() }
}

describe.runIf(testedEngines.includes('mysql'))('a shadow on MariaDB', () => {
  it('reads a table from the base, and a replaced one from the local database alone, with ids above those of the base', async () => {
    await using both = await shadowed()
    expect((await both.shadow.query('select name from product order by id')).rows).toEqual([
      { name: 'lamp' },
      { name: 'chair' },
    ])
    expect((await both.shadow.query('select name from cheap')).rows).toEqual([{ name: 'chair' }])
    expect((await both.shadow.query('select * from review')).rows).toEqual([])
    const inserted = await both.shadow.query('insert into review (product_id, stars) values (1, 3)')
    expect(inserted).toMatchObject({ rowCount: 1, insertId: 3 })
    expect((await both.base.query('select count(*) as n from review')).rows).toEqual([{ n: 2 }])
  })

  it('makes replaced tables as the base has them, but for foreign keys to tables of the base', async () => {
    await using both = await shadowed()
    await both.shadow.query('insert into review (product_id) values (99)')
    await both.shadow.query('insert into reply (review_id) values (3)')
    await expect(both.shadow.query('insert into reply (review_id) values (7)')).rejects.toThrow(/foreign key/)
  })

  it('keeps what was written, for the next client', async () => {
    await using both = await shadowed()
    await both.shadow.query('insert into review (product_id, stars) values (1, 3)')
    await both.shadow.close()
    expect((await (await both.again()).query('select stars from review')).rows).toEqual([{ stars: 3 }])
  })

  it.each([
    [
      'update product set price = 1',
      /product is shown as "shop" has it, and that is never written\. Declare it in the shadow: tables: \{ product: 'replace' \}/,
    ],
    [
      'insert into review (product_id) select id from product',
      /needs product of "shop" and review of the local database/,
    ],
    ['select * from product p join review r on r.product_id = p.id', /needs product of "shop" and review/],
    ['select * from product for update', /FOR UPDATE.*is only read/],
  ])('refuses: %s', async (sql, message) => {
    await using both = await shadowed()
    await expect(both.shadow.query(sql)).rejects.toThrow(message)
    await expect(both.shadow.transaction(async (tx) => await tx.query(sql))).rejects.toThrow(message)
  })

  it('refuses to define a table of the base', async () => {
    await using both = await shadowed()
    await expect(both.shadow.query('drop table product')).rejects.toThrow(/product is shown as "shop" has it/)
  })

  it('reads the base in a transaction as it was at its first read', async () => {
    await using both = await shadowed()
    await both.shadow.transaction(async (tx) => {
      await tx.query('insert into review (product_id, stars) values (1, 1)')
      const count = async (): Promise<unknown> => (await tx.query('select count(*) as n from product')).rows
      expect(await count()).toEqual([{ n: 2 }])
      await both.base.query("insert into product (name) values ('later')")
      expect(await count()).toEqual([{ n: 2 }])
    })
    expect((await both.shadow.query('select count(*) as n from product')).rows).toEqual([{ n: 3 }])
    expect((await both.shadow.query('select count(*) as n from review')).rows).toEqual([{ n: 1 }])
  })

  it('cannot write the base: its connections there are read-only at the server', async () => {
    await using both = await shadowed()
    await both.base.query(
      'create function sneak() returns integer begin insert into product (name) values (1); return 1; end',
    )
    const sneaked = both.shadow.query('select id, sneak() from product')
    await expect(sneaked).rejects.toThrow(/is only read|READ ONLY/)
    expect((await both.base.query('select count(*) as n from product')).rows).toEqual([{ n: 2 }])
  })

  it('does not augment', async () => {
    const config = {
      databases: {
        dev: { shadow: { base: 'shop', local: 'mysql://h/dev' }, tables: { a: 'augment' } },
        shop: 'mysql://h/shop',
      },
    } as const
    await expect(connect(config)).rejects.toThrow(/databases.dev.tables: MySQL and MariaDB cannot lay local rows over/)
  })
})
