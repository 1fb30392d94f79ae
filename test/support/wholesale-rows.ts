import type { StoredTable } from './sharded-tables.ts'

const counts = { suppliers: 30, customers: 150, parts: 120, offersOfPart: 4, sales: 2_000 }

const regions = ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'OCEANIA']
const nations = 'KENYA GHANA MALI|BRAZIL CANADA PERU|INDIA JAPAN CHINA|FRANCE GERMANY NORWAY|FIJI SAMOA TONGA'.split(
  '|',
)
const segments = ['BUILDING', 'FURNITURE', 'HOUSEHOLD', 'MACHINES', 'VEHICLES']
const urgencies = ['1-AT ONCE', '2-HIGH', '3-MIDDLE', '4-LOW', '5-ANY']
const modes = ['AIR', 'MAIL', 'RAIL', 'ROAD', 'SHIP']
const handlings = ['IN PERSON', 'COLLECTED', 'AT THE DOOR', 'NONE']
const finishes = ['PLAIN', 'PROMO', 'STANDARD', 'LARGE']
const metals = ['BRASS', 'STEEL', 'TIN']
const containers = ['SMALL BOX', 'SMALL BAG', 'MIDDLE BOX', 'MIDDLE DRUM', 'LARGE BOX', 'LARGE DRUM']
const colours = ['green', 'red', 'forest', 'ivory', 'navy', 'olive']

/** The same numbers from 0 to below 1 for the same seed, on every machine. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    // The constants of a full-period generator modulo 2^32; the low bits, which repeat soon, weigh least in a fraction.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const firstDay = Date.UTC(2018, 0, 1)

function day(number: number): string {
  return new Date(firstDay + number * 86_400_000).toISOString().slice(0, 10)
}

/** The rows of a wholesaler: suppliers, what they offer, customers, and what these bought in seven years. Always the same. */
export function wholesaleTables(): readonly StoredTable[] {
  const random = seeded(20)
  const upTo = (most: number): number => 1 + Math.floor(random() * most)
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  return [...places(), ...partners(upTo, oneOf), ...goods(upTo, oneOf), ...sales(upTo, oneOf)]
}

type UpTo = (most: number) => number
type OneOf = <T>(list: readonly T[]) => T

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

function places(): readonly StoredTable[] {
  const names = nations.flatMap((list, region) => list.split(' ').map((name) => [region + 1, name] as const))
  return [
    {
      name: 'region',
      columns: { id: 'integer', name: 'text' },
      primaryKey: 'id',
      rows: regions.map((name, index) => [index + 1, name]),
    },
    {
      name: 'nation',
      columns: { id: 'integer', region_id: 'integer', name: 'text' },
      primaryKey: 'id',
      rows: names.map(([region, name], index) => [index + 1, region, name]),
    },
  ]
}

function partners(upTo: UpTo, oneOf: OneOf): readonly StoredTable[] {
  const nationCount = 15
  const phone = (nation: number): string => `${nation + 10}-${upTo(899) + 100}-${upTo(8999) + 1000}`
  const balance = (): number => upTo(1_100_000) - 100_000
  return [
    {
      name: 'supplier',
      columns: {
        id: 'integer',
        nation_id: 'integer',
        name: 'text',
        address: 'text',
        phone: 'text',
        balance: 'money',
        remark: 'text',
      },
      primaryKey: 'id',
      rows: numbers(counts.suppliers).map((id) => {
        const nation = 1 + (id % nationCount)
        const remark = id % 8 === 0 ? 'two complaints of a customer' : 'nothing to say'
        return [id, nation, `supplier ${id}`, `street ${upTo(900)}`, phone(nation), balance(), remark]
      }),
    },
    {
      name: 'customer',
      columns: {
        id: 'integer',
        nation_id: 'integer',
        name: 'text',
        address: 'text',
        phone: 'text',
        segment: 'text',
        balance: 'money',
        remark: 'text',
      },
      primaryKey: 'id',
      rows: numbers(counts.customers).map((id) => {
        const nation = upTo(nationCount)
        return [
          id,
          nation,
          `customer ${id}`,
          `road ${upTo(900)}`,
          phone(nation),
          oneOf(segments),
          balance(),
          `since ${upTo(30)} years`,
        ]
      }),
    },
  ]
}

/** The suppliers of a part, so that a line names one that has it. */
function supplierOf(part: number, offer: number): number {
  return 1 + ((part + offer * 7) % counts.suppliers)
}

function goods(upTo: UpTo, oneOf: OneOf): readonly StoredTable[] {
  return [
    {
      name: 'part',
      columns: {
        id: 'integer',
        name: 'text',
        maker: 'text',
        brand: 'text',
        kind: 'text',
        size: 'integer',
        container: 'text',
        price: 'money',
      },
      primaryKey: 'id',
      rows: numbers(counts.parts).map((id) => {
        const maker = upTo(3)
        const kind = `${oneOf(finishes)} ${oneOf(metals)}`
        const name = `${oneOf(colours)} ${oneOf(colours)}`
        return [
          id,
          name,
          `maker ${maker}`,
          `brand ${maker}${upTo(2)}`,
          kind,
          upTo(20),
          oneOf(containers),
          90_000 + id * 137,
        ]
      }),
    },
    {
      name: 'offer',
      columns: { part_id: 'integer', supplier_id: 'integer', stock: 'integer', cost: 'money' },
      primaryKey: 'part_id, supplier_id',
      rows: numbers(counts.parts).flatMap((part) =>
        numbers(counts.offersOfPart).map((offer) => [part, supplierOf(part, offer), upTo(300), upTo(100_000)]),
      ),
    },
  ]
}

function sales(upTo: UpTo, oneOf: OneOf): readonly StoredTable[] {
  const heads: (number | string)[][] = []
  const lines: (number | string)[][] = []
  // Nothing is newer than this day.
  const today = 2_450
  for (const id of numbers(counts.sales)) {
    const placed = upTo(2_400)
    // Every third customer has never bought anything.
    const customer = upTo(counts.customers / 3) * 3 - upTo(2)
    let total = 0
    let open = 0
    const count = upTo(7)
    for (const number of numbers(count)) {
      const [part, quantity] = [upTo(counts.parts), upTo(50)]
      const shipped = placed + upTo(120)
      const [due, received] = [placed + 29 + upTo(61), shipped + upTo(30)]
      const price = quantity * (90_000 + part * 137)
      total += price
      if (shipped > today) open++
      const returned = received > today - 300 ? 'N' : oneOf(['R', 'A'])
      const [status, discount, tax] = [shipped > today ? 'O' : 'F', upTo(11) - 1, upTo(9) - 1]
      const supplier = supplierOf(part, upTo(counts.offersOfPart))
      const dates = [shipped, due, received].map(day)
      lines.push([
        id,
        number,
        part,
        supplier,
        quantity,
        price,
        discount,
        tax,
        returned,
        status,
        ...dates,
        oneOf(handlings),
        oneOf(modes),
      ])
    }
    const status = open === 0 ? 'F' : open === count ? 'O' : 'P'
    const remark = upTo(12) === 1 ? 'special wishes, urgent requests' : 'as always'
    heads.push([id, customer, status, total, day(placed), oneOf(urgencies), upTo(3), remark])
  }
  return [
    {
      name: 'sale',
      columns: {
        id: 'integer',
        customer_id: 'integer',
        status: 'text',
        total: 'money',
        placed: 'day',
        urgency: 'text',
        priority: 'integer',
        remark: 'text',
      },
      primaryKey: 'id',
      rows: heads,
    },
    {
      name: 'sale_line',
      columns: {
        sale_id: 'integer',
        number: 'integer',
        part_id: 'integer',
        supplier_id: 'integer',
        quantity: 'integer',
        price: 'money',
        discount: 'integer',
        tax: 'integer',
        returned: 'text',
        status: 'text',
        shipped: 'day',
        due: 'day',
        received: 'day',
        handling: 'text',
        mode: 'text',
      },
      primaryKey: 'sale_id, number',
      rows: lines,
    },
  ]
}
