import type { Dialect } from './dialect.ts'

/** Which database each table lives in: this is all of the functional separation. */
export const tables = {
  product: 'catalogue',
  product_name: 'catalogue',
  customer: 'sales',
  orders: 'sales',
  order_line: 'sales',
  review: 'reviews',
} as const

/** The statements that create the tables; each finds its database by the table that it names. */
export function createTables({ moneyType, dateType }: Dialect): readonly string[] {
  return [
    `create table product (
       id varchar(20) primary key, name varchar(150) not null, names integer not null,
       category varchar(30) not null, sub_category varchar(30) not null)`,
    `create table product_name (
       product_id varchar(20) not null references product (id), position integer not null, name varchar(150) not null,
       primary key (product_id, position))`,
    `create table customer (
       id varchar(20) primary key, name varchar(60) not null, segment varchar(30) not null)`,
    `create table orders (
       id varchar(20) primary key, customer_id varchar(20) not null references customer (id),
       ordered_on ${dateType} not null, shipped_on ${dateType} not null,
       ship_mode varchar(30) not null, region varchar(30) not null)`,
    `create table order_line (
       id integer primary key, order_id varchar(20) not null references orders (id), product_id varchar(20) not null,
       quantity integer not null, sales ${moneyType} not null, discount_percent integer not null,
       profit ${moneyType} not null)`,
    `create table review (
       line_id integer primary key, product_id varchar(20) not null, customer_id varchar(20) not null,
       rating integer not null, text varchar(500) not null, origin varchar(10) not null,
       written_on ${dateType} not null)`,
  ]
}

/** Made after loading, which is faster than keeping them up to date meanwhile. */
export const createIndexes: readonly string[] = [
  'create index orders_customer on orders (customer_id)',
  'create index order_line_order on order_line (order_id)',
  'create index order_line_product on order_line (product_id)',
  'create index review_product on review (product_id)',
]
