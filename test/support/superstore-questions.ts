import type { Client } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor, yearOf } from './dialect.ts'
import { cannotScatter, refused, type Outcome, type Outcomes } from './outcome.ts'

export type SqlText = string | ((engine: Engine) => string)
export type Row = Readonly<Record<string, unknown>>

/** A statement as somebody writes it who does not know of shards; `?` is written for every engine. */
export interface Asked {
  readonly sql: SqlText
  readonly params?: readonly unknown[]
  readonly outcome: Outcomes
}

export interface ShopQuestion extends Asked {
  /** As the documentation names it. */
  readonly asks: string
  /** The columns that give the rows their order, where they do not give it completely. None: the rows come in any order. */
  readonly sortedBy?: readonly string[]
  /** Where it is refused: another statement with the same answer. */
  readonly instead?: Asked & { readonly how: string }
  /** Where it is refused, and no other statement has its answer: several have. */
  readonly steps?: { readonly how: string; readonly ask: Steps }
}

type Steps = (client: Client<'default'>, engine: Engine) => Promise<readonly Row[]>

/** The text for an engine. */
export function textFor(sql: SqlText, engine: Engine): string {
  return sqlFor(engine, typeof sql === 'string' ? sql : sql(engine))
}

/** An amount of money as the engine stores it. */
const dollars = (engine: Engine, amount: number): number => (engine === 'sqlite' ? amount * 10_000 : amount)

const monthOf = (engine: Engine, column: string): string =>
  ({
    postgres: `to_char(${column}, 'YYYY-MM')`,
    mysql: `date_format(${column}, '%Y-%m')`,
    sqlite: `substr(${column}, 1, 7)`,
  })[engine]

const daysBetween = (engine: Engine, from: string, to: string): string =>
  ({
    postgres: `(${to} - ${from})`,
    mysql: `datediff(${to}, ${from})`,
    sqlite: `cast(julianday(${to}) - julianday(${from}) as integer)`,
  })[engine]

const lineOfPurchase = 'l.customer_id = p.customer_id and l.purchase_id = p.id'
const notByKeys = (...tables: string[]): Outcome =>
  refused(`it joins ${tables.join(', ')}, and not by their shard keys`)

const byKey: readonly ShopQuestion[] = [
  { asks: 'a customer, by id', sql: 'select * from customer where id = ?', params: ['CG-12520'], outcome: 'one shard' },
  {
    asks: "a customer's purchases, newest first",
    sql: 'select id, placed, shipped, ship_mode from purchase where customer_id = ? order by placed desc, id limit 5',
    params: ['DV-13045'],
    outcome: 'one shard',
  },
  {
    asks: 'the lines of a purchase, with the names of the products',
    sql: `select l.*, d.name from purchase_line l join product d on d.id = l.product_id
      where l.customer_id = ? and l.purchase_id = ? order by l.id`,
    params: ['CG-12520', 'CA-2016-152156'],
    outcome: 'one shard',
  },
  {
    asks: 'what happened to a customer: purchases and returns in one list',
    sql: `select id, placed as day, 'purchase' as kind from purchase where customer_id = ? union all
      select purchase_id, returned, 'return' from purchase_return where customer_id = ? order by day, id`,
    params: ['CG-12520', 'CG-12520'],
    outcome: 'one shard',
  },
  {
    asks: "a customer's purchases, numbered and with a running total",
    sql: `select p.id, p.placed, row_number() over (order by p.placed, p.id) as number,
      sum(sum(l.sales)) over (order by p.placed, p.id) as so_far
      from purchase p join purchase_line l on ${lineOfPurchase} where p.customer_id = ? group by p.id, p.placed order by number`,
    params: ['CG-12520'],
    outcome: 'one shard',
  },
  {
    asks: 'some customers, by id',
    sql: 'select id, name from customer where id in (?, ?, ?, ?) order by name',
    params: ['CG-12520', 'DV-13045', 'SO-20335', 'XX-00002'],
    outcome: 'rows',
  },
  {
    asks: 'two customers, with OR',
    sql: 'select id, name from customer where id = ? or id = ? order by name desc',
    params: ['CG-12520', 'DV-13045'],
    outcome: 'rows',
  },
  {
    asks: 'a purchase, by its own number',
    sql: 'select * from purchase where id = ?',
    params: ['US-2015-108966'],
    outcome: 'rows',
  },
  {
    asks: 'a customer, by e-mail address',
    sql: 'select id, name, email from customer where email = ?',
    params: ['darrin.van.huff@example.com'],
    outcome: 'rows',
    sortedBy: [],
  },
]

const lists: readonly ShopQuestion[] = [
  {
    asks: 'the first page of all customers',
    sql: 'select id, name, segment from customer order by name, id limit 20',
    outcome: 'rows',
  },
  {
    asks: 'the eleventh page',
    sql: 'select id, name, segment from customer order by name, id limit 20 offset ?',
    params: [200],
    outcome: 'rows',
  },
  {
    asks: 'the page behind a customer',
    sql: 'select id, name from customer where id > ? order by id limit 20',
    params: ['MM-18055'],
    outcome: 'rows',
  },
  {
    asks: 'the latest purchases, with who bought',
    sql: `select p.placed, p.id, c.name from purchase p join customer c on c.id = p.customer_id
      order by p.placed desc, p.id desc limit 25`,
    outcome: 'rows',
  },
  {
    asks: 'customers by a part of their name',
    sql: "select name, segment from customer where name like '%son%' order by name, id",
    outcome: 'rows',
  },
  {
    asks: 'customers without an e-mail address',
    sql: 'select id, name from customer where email is null',
    outcome: 'rows',
    sortedBy: [],
  },
  {
    asks: 'products by a word of their name',
    sql: "select id, name from product where lower(name) like '%chair%' order by name, id",
    outcome: 'one shard',
  },
  {
    asks: 'purchases of a week, by city',
    sql: `select city, id, placed from purchase where placed between '2017-11-20' and '2017-11-26' order by city, placed`,
    outcome: 'rows',
    sortedBy: ['city', 'placed'],
  },
  {
    asks: 'the cities that were ever sent to',
    sql: 'select distinct state, city from purchase order by state, city',
    outcome: 'groups',
  },
  {
    asks: 'the largest discounts, with what they cost',
    sql: `select l.id, d.name, l.discount, l.sales, -l.profit as loss from purchase_line l join product d on d.id = l.product_id
      where l.discount >= 50 and l.profit < 0 order by loss desc, l.id limit 15`,
    outcome: 'rows',
  },
]

const totals: readonly ShopQuestion[] = [
  { asks: 'how many purchases there are', sql: 'select count(*) as purchases from purchase', outcome: 'groups' },
  {
    asks: 'turnover, profit, lines, and the mean discount',
    sql: 'select sum(sales) as turnover, sum(profit) as profit, count(*) as number_of_lines, avg(discount) as discount from purchase_line',
    outcome: 'groups',
  },
  {
    asks: 'turnover by month of a year',
    sql: (engine) => `select ${monthOf(engine, 'p.placed')} as month, sum(l.sales) as turnover from purchase p
      join purchase_line l on ${lineOfPurchase} where p.placed between '2017-01-01' and '2017-12-31'
      group by ${monthOf(engine, 'p.placed')} order by month`,
    outcome: 'groups',
  },
  {
    asks: 'turnover by year, joined by the number of the purchase alone',
    sql: (engine) => `select ${yearOf(engine, 'p.placed')} as year_of, sum(l.sales) as turnover
      from purchase p join purchase_line l on l.purchase_id = p.id group by ${yearOf(engine, 'p.placed')} order by year_of`,
    outcome: notByKeys('purchase', 'purchase_line'),
    instead: {
      how: 'join by the shard key, too',
      sql: (engine) => `select ${yearOf(engine, 'p.placed')} as year_of, sum(l.sales) as turnover
        from purchase p join purchase_line l on ${lineOfPurchase} group by ${yearOf(engine, 'p.placed')} order by year_of`,
      outcome: 'groups',
    },
  },
  {
    asks: 'turnover and customers by segment',
    sql: `select c.segment, sum(l.sales) as turnover, count(distinct c.id) as customers
      from customer c join purchase_line l on l.customer_id = c.id group by c.segment order by turnover desc`,
    outcome: 'groups',
  },
  {
    asks: 'turnover by region',
    sql: `select s.region, sum(l.sales) as turnover from purchase p join purchase_line l on ${lineOfPurchase}
      join state s on s.name = p.state group by s.region order by turnover desc`,
    outcome: 'groups',
  },
  {
    asks: 'turnover, profit and margin by category and sub-category',
    sql: `select d.category, d.sub_category, sum(l.sales) as turnover, sum(l.profit) as profit,
      round(100.0 * sum(l.profit) / sum(l.sales), 1) as margin
      from purchase_line l join product d on d.id = l.product_id group by d.category, d.sub_category order by d.category, margin desc`,
    outcome: 'groups',
  },
  {
    asks: 'two years beside each other, by category',
    sql: (engine) =>
      `select d.category,
      sum(case when ${yearOf(engine, 'p.placed')} = 2016 then l.sales else 0 end) as before,
      sum(case when ${yearOf(engine, 'p.placed')} = 2017 then l.sales else 0 end) as after
      from purchase p join purchase_line l on ${lineOfPurchase} join product d on d.id = l.product_id group by d.category order by d.category`.replaceAll(
        /\b(before|after)\b/g,
        '$1_year',
      ),
    outcome: 'groups',
  },
  {
    asks: 'what discounts do to the profit',
    sql: `select case when discount = 0 then 'none' when discount <= 20 then 'some' else 'much' end as class,
      count(*) as number_of_lines, avg(profit) as profit from purchase_line
      group by case when discount = 0 then 'none' when discount <= 20 then 'some' else 'much' end order by profit desc`,
    outcome: 'groups',
  },
  {
    asks: 'days until sending, and late ones, by mode',
    sql: (engine) => `select ship_mode, avg(${daysBetween(engine, 'placed', 'shipped')}) as days,
      sum(case when ${daysBetween(engine, 'placed', 'shipped')} > 5 then 1 else 0 end) as late
      from purchase group by ship_mode order by days`,
    outcome: 'groups',
  },
  {
    asks: 'buying customers by month',
    sql: (
      engine,
    ) => `select ${monthOf(engine, 'placed')} as month, count(distinct customer_id) as customers, count(*) as purchases
      from purchase group by ${monthOf(engine, 'placed')} having count(*) > 150 order by month desc`,
    outcome: 'groups',
  },
]

const rankings: readonly ShopQuestion[] = [
  {
    asks: 'the ten customers who bought most',
    sql: `select c.id, c.name, sum(l.sales) as turnover from customer c join purchase_line l on l.customer_id = c.id
      group by c.id, c.name order by turnover desc limit 10`,
    outcome: 'groups',
  },
  {
    asks: 'the ten products with the greatest loss',
    sql: `select d.name, sum(l.profit) as profit from product d join purchase_line l on l.product_id = d.id
      group by d.id, d.name having sum(l.profit) < 0 order by profit, d.name limit 10`,
    outcome: 'groups',
  },
  {
    asks: 'purchases with many lines',
    sql: (
      engine,
    ) => `select l.customer_id, l.purchase_id, count(*) as number_of_lines, sum(l.sales) as total from purchase_line l
      group by l.customer_id, l.purchase_id having count(*) >= 10 and sum(l.sales) > ${dollars(engine, 500)} order by total desc`,
    outcome: 'groups',
  },
  {
    asks: 'pairs of products that are bought together',
    sql: `select a.product_id as one, b.product_id as other, count(*) as together from purchase_line a
      join purchase_line b on b.customer_id = a.customer_id and b.purchase_id = a.purchase_id and b.product_id > a.product_id
      group by a.product_id, b.product_id having count(*) > 1 order by together desc, one, other limit 10`,
    outcome: 'groups',
  },
]

const absent: readonly ShopQuestion[] = [
  {
    asks: 'customers who never bought anything',
    sql: `select c.id, c.name from customer c left join purchase p on p.customer_id = c.id where p.id is null order by c.name, c.id`,
    outcome: 'rows',
  },
  {
    asks: 'customers by the number of their purchases of a year, also none',
    sql: `select c.id, count(p.id) as purchases from customer c left join purchase p on p.customer_id = c.id and p.placed >= '2017-01-01'
      group by c.id order by purchases, c.id limit 30`,
    outcome: 'groups',
  },
  {
    asks: 'customers who have been lost: none in the last year, some before',
    sql: `select id, name from customer c where not exists (select 1 from purchase p where p.customer_id = c.id and p.placed >= '2017-01-01')
      and exists (select 1 from purchase p where p.customer_id = c.id) order by name, id`,
    outcome: 'rows',
  },
  {
    asks: 'customers who have sent something back, with IN (SELECT)',
    sql: `select id, name from customer where id in (select customer_id from purchase_return where reason = 'broken') order by name, id`,
    outcome: 'rows',
  },
  {
    asks: 'customers who have sent nothing back, with NOT IN (SELECT)',
    sql: `select count(*) as customers from customer where id not in (select customer_id from purchase_return)`,
    outcome: 'groups',
  },
  {
    asks: 'returns by reason, also unknown, with the money given back',
    sql: `select coalesce(r.reason, 'unknown') as reason, count(distinct r.purchase_id) as returns, sum(l.sales) as money
      from purchase_return r join purchase_line l on l.customer_id = r.customer_id and l.purchase_id = r.purchase_id
      group by coalesce(r.reason, 'unknown') order by money desc`,
    outcome: 'groups',
  },
  {
    asks: 'the share of returned lines, by category',
    sql: `select d.category, count(r.purchase_id) as returned, count(*) as sold, round(100.0 * count(r.purchase_id) / count(*), 2) as share
      from purchase_line l join product d on d.id = l.product_id
      left join purchase_return r on r.customer_id = l.customer_id and r.purchase_id = l.purchase_id
      group by d.category order by share desc`,
    outcome: 'groups',
  },
  {
    asks: 'all states with their purchases, also those without',
    sql: `select s.name, count(p.id) as purchases from state s left join purchase p on p.state = s.name
      group by s.name order by purchases, s.name limit 5`,
    outcome: refused(
      'its outer join keeps rows that belong to none of purchase, and every shard would answer with those',
    ),
    steps: { how: 'two questions: what was bought, all states', ask: statesInSteps },
  },
  {
    asks: 'products that nobody has bought in the last year',
    sql: `select id from product where not exists (select 1 from purchase p join purchase_line l on ${lineOfPurchase}
      where l.product_id = product.id and p.placed >= '2017-01-01') order by id`,
    outcome: refused('purchase, purchase_line are read only in a subquery of an expression'),
    steps: { how: 'two questions: what was bought, the others', ask: unsoldInSteps },
  },
]

async function statesInSteps(client: Client<'default'>): Promise<readonly Row[]> {
  const bought = await client.query<{ state: string; purchases: unknown }>(
    'select state, count(*) as purchases from purchase group by state',
  )
  const counts = new Map(bought.rows.map(({ state, purchases }) => [state, Number(purchases)]))
  const states = await client.query<{ name: string }>('select name from state order by name')
  return states.rows
    .map(({ name }) => ({ name, purchases: counts.get(name) ?? 0 }))
    .toSorted((a, b) => a.purchases - b.purchases)
    .slice(0, 5)
}

async function unsoldInSteps(client: Client<'default'>, engine: Engine): Promise<readonly Row[]> {
  const sold = await client.query<{ product_id: string }>(
    `select distinct l.product_id from purchase p join purchase_line l on ${lineOfPurchase} where p.placed >= '2017-01-01'`,
  )
  const ids = sold.rows.map(({ product_id: id }) => id)
  const text = `select id from product where id not in (${ids.map(() => '?').join(', ')}) order by id`
  return (await client.query<Row>(sqlFor(engine, text), ids)).rows
}

const turnoverByMonth = (engine: Engine, condition: string): string =>
  `select ${monthOf(engine, 'p.placed')} as month, sum(l.sales) as turnover from purchase p
  join purchase_line l on ${lineOfPurchase} where ${condition} group by ${monthOf(engine, 'p.placed')}`

const nested: readonly ShopQuestion[] = [
  {
    asks: 'the mean value of a purchase, by mode of shipping',
    sql: `select ship_mode, avg(total) as mean from (
      select p.ship_mode, p.id, sum(l.sales) as total from purchase p join purchase_line l on ${lineOfPurchase} group by p.ship_mode, p.id) as totals
      group by ship_mode order by mean desc`,
    outcome: refused('GROUP BY in a subquery of FROM that does not keep the shard key of purchase'),
    instead: {
      how: 'sum by count',
      sql: (
        engine,
      ) => `select p.ship_mode, ${engine === 'sqlite' ? '1.0 * ' : ''}sum(l.sales) / count(distinct p.id) as mean
        from purchase p join purchase_line l on ${lineOfPurchase} group by p.ship_mode order by mean desc`,
      outcome: 'groups',
    },
  },
  {
    asks: 'months above the mean month, with WITH',
    sql: (engine) => `with months as (${turnoverByMonth(engine, "p.placed >= '2017-01-01'")})
      select month, turnover from months where turnover > (select avg(turnover) from months) order by month`,
    outcome: refused('GROUP BY in the WITH query months that does not keep the shard key of purchase'),
    steps: {
      how: 'two questions: the mean, the months above it',
      async ask(client, engine) {
        const mean = await client.query<{ mean: unknown }>(
          `select sum(l.sales) ${engine === 'sqlite' ? '* 1.0 ' : ''}/ count(distinct ${monthOf(engine, 'p.placed')}) as mean
          from purchase p join purchase_line l on ${lineOfPurchase} where p.placed >= '2017-01-01'`,
        )
        const number = { postgres: 'numeric', mysql: 'decimal(30, 10)', sqlite: 'real' }[engine]
        const text = `${turnoverByMonth(engine, "p.placed >= '2017-01-01'")} having sum(l.sales) > cast(? as ${number}) order by month`
        return (await client.query<Row>(sqlFor(engine, text), [mean.rows[0]!.mean])).rows
      },
    },
  },
  {
    asks: "each category's share of the turnover",
    sql: `select d.category, sum(l.sales) as turnover, round(100.0 * sum(l.sales) / sum(sum(l.sales)) over (), 2) as share
      from purchase_line l join product d on d.id = l.product_id group by d.category order by share desc`,
    outcome: cannotScatter('a window function'),
    steps: {
      how: 'two questions: the whole, the shares of it',
      async ask(client, engine) {
        const whole = await client.query<{ whole: unknown }>('select sum(sales) as whole from purchase_line')
        const number = { postgres: 'numeric', mysql: 'decimal(20, 4)', sqlite: 'integer' }[engine]
        const text = `select d.category, sum(l.sales) as turnover, round(100.0 * sum(l.sales) / cast(? as ${number}), 2) as share
          from purchase_line l join product d on d.id = l.product_id group by d.category order by share desc`
        return (await client.query<Row>(sqlFor(engine, text), [whole.rows[0]!.whole])).rows
      },
    },
  },
  {
    asks: "each customer's latest purchase, by ROW_NUMBER",
    sql: `select customer_id, id, placed from (select customer_id, id, placed,
      row_number() over (partition by customer_id order by placed desc, id desc) as number from purchase) as numbered
      where number = 1 order by placed desc, customer_id limit 20`,
    outcome: 'rows',
  },
  {
    asks: 'customers above the mean customer',
    sql: `select customer_id, sum(sales) as turnover from purchase_line group by customer_id
      having sum(sales) > (select sum(sales) / count(distinct customer_id) from purchase_line) order by turnover desc limit 10`,
    outcome: refused('it joins rows of purchase_line with each other, and not by the shard key alone'),
    steps: {
      how: 'two questions: the mean, the customers above it',
      async ask(client, engine) {
        const mean = await client.query<{ mean: unknown }>(
          'select sum(sales) / count(distinct customer_id) as mean from purchase_line',
        )
        const number = { postgres: 'numeric', mysql: 'decimal(30, 10)', sqlite: 'integer' }[engine]
        const text = `select customer_id, sum(sales) as turnover from purchase_line group by customer_id
          having sum(sales) > cast(? as ${number}) order by turnover desc limit 10`
        return (await client.query<Row>(sqlFor(engine, text), [mean.rows[0]!.mean])).rows
      },
    },
  },
  {
    asks: 'what happened last in the shop: purchases and returns in one list',
    sql: `select id, placed as day, 'purchase' as kind from purchase union all
      select purchase_id, returned, 'return' from purchase_return order by day desc, id, kind limit 10`,
    outcome: 'rows',
  },
  {
    asks: 'purchases with the names of what was bought, in one text',
    sql: (
      engine,
    ) => `select l.purchase_id, ${namesInOrder[engine]} as names from purchase_line l join product d on d.id = l.product_id
      where l.quantity >= 13 group by l.purchase_id order by l.purchase_id`,
    outcome: 'groups',
  },
]

const namesInOrder: Readonly<Record<Engine, string>> = {
  postgres: "string_agg(d.name, '; ' order by l.id)",
  mysql: "group_concat(d.name order by l.id separator '; ')",
  sqlite: "group_concat(d.name, '; ' order by l.id)",
}

export const shopQuestions: readonly ShopQuestion[] = [...byKey, ...lists, ...totals, ...rankings, ...absent, ...nested]
