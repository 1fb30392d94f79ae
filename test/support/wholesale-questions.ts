import type { Client } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'
import { sqlFor, yearOf } from './dialect.ts'
import { refused, type Outcome } from './outcome.ts'

type Row = Readonly<Record<string, unknown>>

/** One of the 22 questions. Each text orders its rows completely. */
export interface WholesaleQuestion {
  readonly number: number
  readonly text: (engine: Engine) => string
  readonly outcome: Outcome
  /** Another wording of the same question, where the first is refused. */
  readonly instead?: (engine: Engine) => string
  /** Several questions with the same answer, where no single one is answered. */
  readonly steps?: (client: Client<'default'>, engine: Engine) => Promise<readonly Row[]>
}

const inExpression = (table: string): Outcome => refused(`${table} is read only in a subquery of an expression`)

const pricing = `select l.returned, l.status, sum(l.quantity) as units, sum(l.price) as gross,
  sum(l.price * (100 - l.discount)) as net, sum(l.price * (100 - l.discount) * (100 + l.tax)) as charged,
  avg(l.quantity) as mean_units, avg(l.price) as mean_price, avg(l.discount) as mean_discount, count(*) as line_count
from sale_line l where l.shipped <= '2024-09-01'
group by l.returned, l.status order by l.returned, l.status`

const cheapest = `select s.balance, s.name, n.name as nation, p.id as part, p.maker, s.address, s.phone
from part p, supplier s, offer o, nation n, region r
where p.id = o.part_id and s.id = o.supplier_id and p.size <= 6 and p.kind like '%BRASS'
  and s.nation_id = n.id and n.region_id = r.id and r.name = 'EUROPE'
  and o.cost = (select min(x.cost) from offer x, supplier y, nation m, region q
    where p.id = x.part_id and y.id = x.supplier_id and y.nation_id = m.id and m.region_id = q.id and q.name = 'EUROPE')
order by s.balance desc, n.name, s.name, p.id limit 100`

const unshipped = `select l.sale_id, sum(l.price * (100 - l.discount)) as revenue, s.placed, s.priority
from customer c, sale s, sale_line l
where c.segment = 'BUILDING' and c.id = s.customer_id and l.sale_id = s.id and s.placed < '2021-03-15' and l.shipped > '2021-03-15'
group by l.sale_id, s.placed, s.priority order by revenue desc, s.placed, l.sale_id limit 10`

const late = `select s.urgency, count(*) as sales from sale s
where s.placed >= '2021-07-01' and s.placed < '2021-10-01'
  and exists (select * from sale_line l where l.sale_id = s.id and l.due < l.received)
group by s.urgency order by s.urgency`

const neighbours = `select n.name, sum(l.price * (100 - l.discount)) as revenue
from customer c, sale s, sale_line l, supplier p, nation n, region r
where c.id = s.customer_id and l.sale_id = s.id and l.supplier_id = p.id and c.nation_id = p.nation_id
  and p.nation_id = n.id and n.region_id = r.id and r.name = 'ASIA' and s.placed >= '2020-01-01' and s.placed < '2022-01-01'
group by n.name order by revenue desc, n.name`

const discounted = `select sum(l.price * l.discount) as more from sale_line l
where l.shipped >= '2021-01-01' and l.shipped < '2022-01-01' and l.discount between 5 and 7 and l.quantity < 24`

const traded = `from supplier s, sale_line l, sale o, customer c, nation f, nation t
where s.id = l.supplier_id and o.id = l.sale_id and c.id = o.customer_id and s.nation_id = f.id and c.nation_id = t.id
  and ((f.name = 'FRANCE' and t.name = 'GERMANY') or (f.name = 'GERMANY' and t.name = 'FRANCE'))
  and l.shipped between '2020-01-01' and '2021-12-31'`

const trade = (engine: Engine): string => `select seller, buyer, year_of, sum(volume) as revenue from (
  select f.name as seller, t.name as buyer, ${yearOf(engine, 'l.shipped')} as year_of, l.price * (100 - l.discount) as volume
  ${traded}) as shipping
group by seller, buyer, year_of order by seller, buyer, year_of`

const marketed = `from part p, supplier s, sale_line l, sale o, customer c, nation n, nation m, region r
where p.id = l.part_id and s.id = l.supplier_id and l.sale_id = o.id and o.customer_id = c.id and c.nation_id = n.id
  and n.region_id = r.id and r.name = 'AMERICA' and s.nation_id = m.id and o.placed between '2020-01-01' and '2023-12-31'
  and p.kind = 'PROMO STEEL'`

const market = (engine: Engine): string => `select year_of,
  sum(case when seller = 'BRAZIL' then volume else 0 end) * 1.0 / sum(volume) as share from (
  select ${yearOf(engine, 'o.placed')} as year_of, l.price * (100 - l.discount) as volume, m.name as seller ${marketed}) as sold
group by year_of order by year_of`

const profitable = `from part p, supplier s, sale_line l, offer f, sale o, nation n
where s.id = l.supplier_id and f.supplier_id = l.supplier_id and f.part_id = l.part_id and p.id = l.part_id
  and o.id = l.sale_id and s.nation_id = n.id and p.name like '%green%'`

const profit = (engine: Engine): string => `select nation, year_of, sum(gain) as profit from (
  select n.name as nation, ${yearOf(engine, 'o.placed')} as year_of,
    l.price * (100 - l.discount) - 100 * f.cost * l.quantity as gain ${profitable}) as gains
group by nation, year_of order by nation, year_of desc`

const returned = `select c.id, c.name, sum(l.price * (100 - l.discount)) as lost, c.balance, n.name as nation, c.address, c.phone, c.remark
from customer c, sale s, sale_line l, nation n
where c.id = s.customer_id and l.sale_id = s.id and s.placed >= '2020-10-01' and s.placed < '2021-01-01'
  and l.returned = 'R' and c.nation_id = n.id
group by c.id, c.name, c.balance, c.phone, n.name, c.address, c.remark order by lost desc, c.id limit 20`

const stock = `select o.part_id, sum(o.cost * o.stock) as worth from offer o, supplier s, nation n
where o.supplier_id = s.id and s.nation_id = n.id and n.name = 'GERMANY'
group by o.part_id having sum(o.cost * o.stock) > (
  select sum(x.cost * x.stock) * 0.03 from offer x, supplier y, nation m
  where x.supplier_id = y.id and y.nation_id = m.id and m.name = 'GERMANY')
order by worth desc, o.part_id`

const modes = `select l.mode,
  sum(case when s.urgency = '1-AT ONCE' or s.urgency = '2-HIGH' then 1 else 0 end) as urgent,
  sum(case when s.urgency <> '1-AT ONCE' and s.urgency <> '2-HIGH' then 1 else 0 end) as others
from sale s, sale_line l where s.id = l.sale_id and l.mode in ('MAIL', 'SHIP') and l.due < l.received and l.shipped < l.due
  and l.received >= '2020-01-01' and l.received < '2021-01-01'
group by l.mode order by l.mode`

const habits = `select bought, count(*) as customers from (
  select c.id, count(s.id) as bought from customer c left join sale s
    on c.id = s.customer_id and s.remark not like '%special%requests%'
  group by c.id) as each_customer
group by bought order by customers desc, bought desc`

async function habitsInSteps(client: Client<'default'>): Promise<readonly Row[]> {
  const buyers = await client.query<{ bought: unknown }>(
    "select customer_id, count(*) as bought from sale where remark not like '%special%requests%' group by customer_id",
  )
  const everybody = await client.query<{ customers: unknown }>('select count(*) as customers from customer')
  const counts = new Map([[0, Number(everybody.rows[0]!.customers) - buyers.rows.length]])
  for (const { bought } of buyers.rows) counts.set(Number(bought), (counts.get(Number(bought)) ?? 0) + 1)
  return [...counts]
    .map(([bought, customers]) => ({ bought, customers }))
    .filter(({ customers }) => customers > 0)
    .toSorted((a, b) => b.customers - a.customers || b.bought - a.bought)
}

const promoted = `select 100.00 * sum(case when p.kind like 'PROMO%' then l.price * (100 - l.discount) else 0 end)
  / sum(l.price * (100 - l.discount)) as promoted
from sale_line l, part p where l.part_id = p.id and l.shipped >= '2021-09-01' and l.shipped < '2021-10-01'`

const quarter = "shipped >= '2022-01-01' and l.shipped < '2022-04-01'"

const bestSupplier = `with revenue as (
  select l.supplier_id, sum(l.price * (100 - l.discount)) as total from sale_line l where l.${quarter} group by l.supplier_id)
select s.id, s.name, s.address, s.phone, r.total from supplier s, revenue r
where s.id = r.supplier_id and r.total = (select max(total) from revenue) order by s.id`

async function bestSupplierInSteps(client: Client<'default'>, engine: Engine): Promise<readonly Row[]> {
  const most = await client.query<{ total: unknown }>(
    `select sum(l.price * (100 - l.discount)) as total from sale_line l where l.${quarter}
    group by l.supplier_id order by total desc limit 1`,
  )
  const best = await client.query<Row>(
    sqlFor(
      engine,
      `select s.id, s.name, s.address, s.phone, sum(l.price * (100 - l.discount)) as total
      from sale_line l join supplier s on s.id = l.supplier_id where l.${quarter}
      group by s.id, s.name, s.address, s.phone having sum(l.price * (100 - l.discount)) = ? order by s.id`,
    ),
    [most.rows[0]!.total],
  )
  return best.rows
}

const range = `select p.brand, p.kind, p.size, count(distinct o.supplier_id) as suppliers from offer o, part p
where p.id = o.part_id and p.brand <> 'brand 12' and p.kind not like 'LARGE%' and p.size in (3, 5, 9, 14, 15, 16, 19, 20)
  and o.supplier_id not in (select s.id from supplier s where s.remark like '%complaints%')
group by p.brand, p.kind, p.size order by suppliers desc, p.brand, p.kind, p.size`

const small = `select sum(l.price) / 7.0 as yearly from sale_line l, part p
where p.id = l.part_id and p.brand = 'brand 21' and p.container = 'MIDDLE BOX'
  and l.quantity < (select 0.2 * avg(x.quantity) from sale_line x where x.part_id = p.id)`

async function smallInSteps(client: Client<'default'>, engine: Engine): Promise<readonly Row[]> {
  const means = await client.query<{ id: unknown; few: unknown }>(
    `select p.id, 0.2 * avg(l.quantity) as few from sale_line l join part p on p.id = l.part_id
    where p.brand = 'brand 21' and p.container = 'MIDDLE BOX' group by p.id`,
  )
  const number = engine === 'mysql' ? 'decimal(30, 10)' : 'numeric'
  const few = means.rows.map(() => `(l.part_id = ? and l.quantity < cast(? as ${number}))`).join(' or ')
  const yearly = await client.query<Row>(
    sqlFor(engine, `select sum(l.price) / 7.0 as yearly from sale_line l where ${few}`),
    means.rows.flatMap(({ id, few }) => [id, few]),
  )
  return yearly.rows
}

const largeColumns = 'c.name, c.id as customer, s.id as sale, s.placed, s.total, sum(l.quantity) as units'
const largeGroups = 'c.name, c.id, s.id, s.placed, s.total'

const large = `select ${largeColumns} from customer c, sale s, sale_line l
where s.id in (select x.sale_id from sale_line x group by x.sale_id having sum(x.quantity) > 240)
  and c.id = s.customer_id and s.id = l.sale_id
group by ${largeGroups} order by s.total desc, s.placed, s.id limit 100`

const inPerson = "l.mode in ('AIR', 'ROAD') and l.handling = 'IN PERSON'"

const bargains = `select sum(l.price * (100 - l.discount)) as revenue from sale_line l, part p
where (p.id = l.part_id and p.brand = 'brand 12' and p.container in ('SMALL BOX', 'SMALL BAG') and l.quantity between 1 and 21
    and p.size between 1 and 15 and ${inPerson})
  or (p.id = l.part_id and p.brand = 'brand 21' and p.container in ('MIDDLE BOX', 'MIDDLE DRUM') and l.quantity between 10 and 30
    and p.size between 1 and 18 and ${inPerson})
  or (p.id = l.part_id and p.brand = 'brand 32' and p.container in ('LARGE BOX', 'LARGE DRUM') and l.quantity between 20 and 40
    and p.size between 1 and 20 and ${inPerson})`

const surplus = `select s.id, s.name, s.address from supplier s, nation n
where s.id in (select o.supplier_id from offer o
    where o.part_id in (select p.id from part p where p.name like 'forest%')
      and o.stock > (select 0.5 * sum(l.quantity) from sale_line l
        where l.part_id = o.part_id and l.supplier_id = o.supplier_id
          and l.shipped >= '2021-01-01' and l.shipped < '2022-01-01'))
  and s.nation_id = n.id and n.name = 'CANADA' order by s.id`

const surplusJoined = `select distinct s.id, s.name, s.address
from sale_line l, offer o, part p, supplier s, nation n
where o.part_id = l.part_id and o.supplier_id = l.supplier_id and p.id = o.part_id and p.name like 'forest%'
  and l.shipped >= '2021-01-01' and l.shipped < '2022-01-01' and s.id = o.supplier_id and s.nation_id = n.id and n.name = 'CANADA'
group by s.id, s.name, s.address, o.part_id, o.stock having o.stock > 0.5 * sum(l.quantity) order by s.id`

const blamed = `select s.name, count(*) as waits from supplier s, sale_line l, sale o, nation n
where s.id = l.supplier_id and o.id = l.sale_id and o.status = 'F' and l.received > l.due
  and exists (select * from sale_line x where x.sale_id = l.sale_id and x.supplier_id <> l.supplier_id)
  and not exists (select * from sale_line y
    where y.sale_id = l.sale_id and y.supplier_id <> l.supplier_id and y.received > y.due)
  and s.nation_id = n.id and n.name = 'JAPAN'
group by s.name order by waits desc, s.name limit 100`

/** `condition`: what keeps those out who have bought something. */
const idleWhere = (condition: string): string => `select area, count(*) as customers, sum(balance) as balance from (
  select substr(c.phone, 1, 2) as area, c.balance from customer c
  where substr(c.phone, 1, 2) in ('13', '15', '17', '19', '21', '23')
    and c.balance > (select avg(x.balance) from customer x
      where x.balance > 0 and substr(x.phone, 1, 2) in ('13', '15', '17', '19', '21', '23'))
    and ${condition}) as idle
group by area order by area`

const idle = idleWhere('not exists (select * from sale s where s.customer_id = c.id)')

async function idleInSteps(client: Client<'default'>, engine: Engine): Promise<readonly Row[]> {
  const buyers = await client.query<{ customer_id: number }>('select distinct customer_id from sale')
  const marks = buyers.rows.map(() => '?').join(', ')
  const answer = await client.query<Row>(
    sqlFor(engine, idleWhere(`c.id not in (${marks})`)),
    buyers.rows.map(({ customer_id: id }) => id),
  )
  return answer.rows
}

/** In the order in which benchmarks for decision support number them. */
export const wholesaleQuestions: readonly WholesaleQuestion[] = [
  { number: 1, text: () => pricing, outcome: 'groups' },
  { number: 2, text: () => cheapest, outcome: 'one shard' },
  { number: 3, text: () => unshipped, outcome: 'groups' },
  { number: 4, text: () => late, outcome: 'groups' },
  { number: 5, text: () => neighbours, outcome: 'groups' },
  { number: 6, text: () => discounted, outcome: 'groups' },
  { number: 7, text: trade, outcome: 'groups' },
  { number: 8, text: market, outcome: 'groups' },
  { number: 9, text: profit, outcome: 'groups' },
  { number: 10, text: () => returned, outcome: 'groups' },
  { number: 11, text: () => stock, outcome: 'one shard' },
  { number: 12, text: () => modes, outcome: 'groups' },
  {
    number: 13,
    text: () => habits,
    outcome: refused('its outer join keeps rows that belong to none of sale'),
    steps: habitsInSteps,
  },
  { number: 14, text: () => promoted, outcome: 'groups' },
  {
    number: 15,
    text: () => bestSupplier,
    outcome: refused('GROUP BY in the WITH query revenue that does not keep the shard key of sale_line'),
    steps: bestSupplierInSteps,
  },
  { number: 16, text: () => range, outcome: 'one shard' },
  {
    number: 17,
    text: () => small,
    outcome: refused('it joins rows of sale_line with each other, and not by the shard key alone'),
    steps: smallInSteps,
  },
  { number: 18, text: () => large, outcome: 'groups' },
  { number: 19, text: () => bargains, outcome: 'groups' },
  { number: 20, text: () => surplus, outcome: inExpression('sale_line'), instead: () => surplusJoined },
  { number: 21, text: () => blamed, outcome: 'groups' },
  { number: 22, text: () => idle, outcome: inExpression('sale'), steps: idleInSteps },
]
