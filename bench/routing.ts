import { connect, type Client } from 'signalbox'
import { median } from './measure.ts'

/** A figure that is judged by itself. */
export interface Figure {
  readonly bench: string
  readonly micros: number
  /** What is printed; default: the microseconds. */
  readonly figure?: string
  readonly target: string
  readonly met: boolean
}

const texts = {
  PostgreSQL: (n: number) =>
    `select o.id, o.placed_on, sum(l.quantity * l.price) as total_${n} from orders o join order_line l on l.order_id = o.id
     where o.customer_id = $1 and o.placed_on > $2 group by o.id, o.placed_on order by o.placed_on desc limit 20`,
  MariaDB: (n: number) =>
    `select o.id, o.placed_on, sum(l.quantity * l.price) as total_${n} from \`orders\` o join order_line l on l.order_id = o.id
     where o.customer_id = ? and o.placed_on > ? group by o.id, o.placed_on order by o.placed_on desc limit 20`,
  SQLite: (n: number) =>
    `select o.id, o.placed_on, sum(l.quantity * l.price) as total_${n} from orders o join order_line l on l.order_id = o.id
     where o.customer_id = ?1 and o.placed_on > ?2 group by o.id, o.placed_on order by o.placed_on desc limit 20`,
} as const

const names = { PostgreSQL: 'postgres://u@h/d', MariaDB: 'mysql://u@h/d', SQLite: 'sqlite:none.db' } as const

/** What deciding costs, without any server: the first analysis of a text, and a decision that is remembered. */
export async function benchRouting(scale: number): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const engine of Object.keys(names) as (keyof typeof names)[]) {
    const client = await connect(names[engine])
    const text = texts[engine]
    const firsts: number[] = []
    for (let n = 0; n < 2_000 * scale; n++) {
      const sql = text(n)
      const begun = process.hrtime.bigint()
      client.explain(sql, [1, 2])
      firsts.push(Number(process.hrtime.bigint() - begun) / 1_000)
    }
    const first = median(firsts)
    figures.push({
      bench: `${engine}: first analysis and route of a text (join, group, order)`,
      micros: first,
      target: '≤ 150 µs',
      met: first <= 150,
    })
    await client.close()
  }
  figures.push(await cachedRoute(scale), await sharedRoute(scale))
  return figures
}

/** All that Signalbox adds to a driver's answer when the route is remembered: look-up, request, result, promise, await. */
async function cachedRoute(scale: number): Promise<Figure> {
  const sql = 'select id, name, stock from item where id = ?'
  const micros = await timeQueries('sqlite:none.db', scale, (client) => client.query(sql, [7]))
  return {
    bench: 'client.query with a remembered route and a driver that answers at once',
    micros,
    target: '≤ 1 µs',
    met: micros <= 1,
  }
}

/** The same of texts that are new each time, but for their values the same: what tools send that write values into the text. */
async function sharedRoute(scale: number): Promise<Figure> {
  let id = 0
  const text = (): string =>
    `select "p"."id", "p"."name", "p"."stock" from "product" as "p" where "p"."id" = ${++id} and "p"."name" <> 'no ${id}' limit 1`
  const micros = await timeQueries('postgres://u@h/d', scale, (client) => client.query(text()))
  return {
    bench: 'client.query with a new text whose fingerprint is known, of 110 characters',
    micros,
    target: '≤ 5 µs',
    met: micros <= 5,
  }
}

/** Microseconds of a query to a driver that answers at once. */
async function timeQueries(dsn: string, scale: number, run: (client: Client) => Promise<unknown>): Promise<number> {
  const answer = { rows: [], rowCount: 0, fields: [], native: undefined }
  const engine = dsn.startsWith('sqlite') ? ('sqlite' as const) : ('postgres' as const)
  const pool = {
    engine,
    query: () => answer,
    stream: () => {
      throw new Error('not used')
    },
    lease: () => Promise.reject(new Error('not used')),
    status: () => Promise.reject(new Error('not used')),
    losses: 0,
    stats: () => ({ total: 0, idle: 0, waiting: 0, shared: 0, sharedInFlight: 0 }),
    close: () => Promise.resolve(),
  }
  const driver = async () => ({ engine, open: async () => pool })
  await using client = await connect(dsn, { drivers: { postgres: driver, mysql: driver, sqlite: driver } })
  const operations = Math.ceil(100_000 * scale)
  const rounds: number[] = []
  for (let round = 0; round < 9; round++) {
    const micros = await timeLoop(() => run(client), operations)
    if (round > 1) rounds.push(micros)
  }
  return median(rounds)
}

async function timeLoop(run: () => Promise<unknown>, operations: number): Promise<number> {
  const begun = process.hrtime.bigint()
  for (let done = 0; done < operations; done++) await run()
  return Number(process.hrtime.bigint() - begun) / operations / 1_000
}
