/** Tables of the statements below: `k` is everybody's, `a` is of two tables, all other columns are of one. */
export const joinedTables: Readonly<Record<string, readonly string[]>> = {
  t: ['a', 'b', 'k'],
  u: ['c', 'd', 'k'],
  v: ['e', 'a', 'k'],
}

/** Rows of the table at that place in the list: with nulls, with duplicates, with values that another table does not have. */
export function joinedRows(table: string): (number | null)[][] {
  const shift = Object.keys(joinedTables).indexOf(table)
  return Array.from({ length: 14 }, (_, i) => [
    (i * 5 + shift) % 3,
    [0, 1, 2, null][(i + shift) % 4] ?? null,
    key(i, shift),
  ])
}

function key(i: number, shift: number): number | null {
  return i % 5 === 4 ? null : ((i * 7) % 4) + shift
}

export type JoinDialect = 'postgres' | 'mysql' | 'sqlite'

interface FromText {
  readonly text: string
  /** Columns as a condition may write them. */
  readonly columns: readonly string[]
}

/** A random statement with joins of all kinds, subqueries and set operations; some that a server refuses as ambiguous. */
export function randomJoin(dialect: JoinDialect, seed: number): string {
  return new StatementMaker(dialect, seed).statement()
}

class StatementMaker {
  readonly #dialect: JoinDialect
  #state: number

  constructor(dialect: JoinDialect, seed: number) {
    this.#dialect = dialect
    this.#state = seed
  }

  statement(): string {
    const kind = this.#below(12)
    if (kind === 0) return `${this.#select(2, [], 'x.k')} union all ${this.#select(1, [], 'x.k')}`
    if (kind === 1) return this.#common()
    if (kind === 4) return this.#insert()
    if (kind === 2) return this.#update()
    if (kind === 3) return this.#delete()
    return this.#select(2, [], this.#pick(['*', '*', 'count(*)', 'x.k']))
  }

  /** A `WITH` name that is used once, or twice. */
  #common(): string {
    const columns = ['w.k', 'w.a', ...this.#columnsOf('y', 'u')]
    const item = this.#pick(['w', 'w', 'w join w as w2 on w.k = w2.k', 'w left join v z on z.k = w.k'])
    const join = this.#pick(['join', 'left join', 'right join'])
    const on = this.#condition(1, columns, [])
    return `with w ${this.#query(1, [])} select * from ${item} ${join} u y on ${on} where ${this.#condition(1, columns, [])}`
  }

  #insert(): string {
    const names = this.#pick(['(k, a)', '(k, b)', '(a, k)'])
    const into = `insert into t ${names}`
    return `${into} ${this.#query(2, []).replace(/^as \((.*)\)$/, '$1')}`
  }

  /** ` as (query)`: with the columns `k` and `a`, in all ways that decide about which of its rows hang together. */
  #query(depth: number, outer: readonly string[]): string {
    const from = this.#from(depth, outer)
    const where = this.#condition(depth, from.columns, outer)
    const source = `from ${from.text} where ${where}`
    const plain = `select x.k as k, x.a as a ${source}`
    const windowed = 'row_number() over (order by x.a, x.k)'
    const ways = [
      plain,
      plain,
      `select x.k, x.a ${source}`,
      `select distinct x.k, x.a ${source}`,
      `select x.k, count(*) as a ${source} group by x.k`,
      `select x.k, sum(x.a) as a ${source} group by 1 having count(*) > 1`,
      `select x.k, x.a ${source} group by x.a, x.k`,
      `select max(x.k) as k, x.a ${source} group by x.a`,
      `select max(x.k) as k, 1 as a ${source}`,
      `select x.k, x.a ${source} order by x.k, x.a limit 3`,
      `select x.k, x.a ${source} order by x.k limit 2 offset 1`,
      `select x.k, ${windowed} as a ${source}`,
      `select x.k, coalesce(x.a, 0) as a ${source}`,
      `select x.k, 1 as a ${source}`,
      `select 1 as k, x.a ${source}`,
      `select k, a from t where ${this.#condition(0, ['k', 'a', 't.k'], [])}`,
      `select k, count(*) as a from t group by k`,
      `${plain} union all select s.k, s.a from v s`,
      `${plain} union select s.k, 1 from u s where ${this.#condition(0, ['s.k', 's.c'], [])}`,
      `${plain} except select s.k, s.a from v s`,
      `${plain} union all select s.k, s.a from v s order by 1, 2 limit 3`,
      // Only some engines take a column that is in no group.
      `select x.k, x.a ${source} group by x.a`,
      `select x.k, count(*) as a ${source}`,
      ...(this.#dialect === 'mysql' ? [`select x.k, count(*) as a ${source} group by x.k with rollup`] : []),
      ...(this.#dialect === 'postgres'
        ? [
            `select x.k, count(*) as a ${source} group by rollup (x.k)`,
            `select distinct on (x.a) x.k, x.a ${source} order by x.a, x.k`,
          ]
        : []),
    ]
    return `as (${this.#pick(ways)})`
  }

  #select(depth: number, outer: readonly string[], list: string): string {
    const from = this.#from(depth, outer)
    return `select ${list} from ${from.text} where ${this.#condition(depth, from.columns, outer)}`
  }

  #update(): string {
    const { text, columns } = this.#item('y', 1, [])
    const all = [...this.#columnsOf('x', 't'), ...columns]
    const [on, where] = [this.#condition(1, all, []), this.#condition(1, all, [])]
    if (this.#dialect !== 'mysql') return `update t as x set b = 7 from ${text} where ${on} and ${where}`
    return `update t x ${this.#pick(['join', 'left join', 'right join'])} ${text} on ${on} set x.b = 7 where ${where}`
  }

  #delete(): string {
    const all = [...this.#columnsOf('x', 't'), ...this.#columnsOf('y', 'u')]
    const [on, where] = [this.#condition(1, all, []), this.#condition(1, all, [])]
    if (this.#dialect === 'postgres') return `delete from t x using u y where ${on} and ${where}`
    if (this.#dialect === 'sqlite')
      return `delete from t as x where ${this.#condition(1, this.#columnsOf('x', 't'), [])}`
    return `delete x from t x ${this.#pick(['join', 'left join', 'right join'])} u y on ${on} where ${where}`
  }

  #from(depth: number, outer: readonly string[]): FromText {
    let { text, columns } = this.#item('x', depth, outer)
    for (const alias of this.#pick([[], [], ['y'], ['y'], ['y', 'z'], ['y', 'z', 's']])) {
      const right = this.#item(alias, depth, outer)
      const both = [...columns, ...right.columns]
      const join = this.#pick(this.#joins())
      const on = ` on ${this.#condition(depth - 1, both, outer)}`
      if (join === ',') text += `, ${right.text}`
      else if (join.startsWith('natural') || join === 'cross join') text += ` ${join} ${right.text}`
      else text += ` ${join} ${right.text}${this.#below(4) === 0 ? ' using (k)' : on}`
      columns = both
    }
    return { text, columns }
  }

  #joins(): string[] {
    const usual = ['join', 'join', 'inner join', 'left join', 'left join', 'left join', 'right join', 'cross join', ',']
    return this.#dialect === 'mysql' ? usual : [...usual, 'full join', 'natural join', 'natural left join']
  }

  #item(alias: string, depth: number, outer: readonly string[]): FromText {
    const kind = this.#below(12)
    const table = this.#pick(alias === 'x' ? ['t', 't', 'v'] : ['t', 'u', 'u', 'v'])
    if ((kind === 0 || kind === 3) && depth > 0) {
      const query = this.#query(depth - 1, outer).slice('as '.length)
      return { text: `${query} ${alias}`, columns: [`${alias}.k`, `${alias}.k`, `${alias}.a`, 'k'] }
    }
    if (kind === 1 && depth > 0) {
      const [one, other] = [this.#item(alias, 0, outer), this.#item(`${alias}2`, 0, outer)]
      const columns = [...one.columns, ...other.columns]
      const join = this.#pick(['join', 'left join', 'right join'])
      return { text: `(${one.text} ${join} ${other.text} on ${this.#condition(0, columns, outer)})`, columns }
    }
    if (kind === 2 && alias !== 'x') return { text: table, columns: this.#columnsOf(table, table) }
    return { text: `${table} ${alias}`, columns: this.#columnsOf(alias, table) }
  }

  #columnsOf(alias: string, table: string): string[] {
    const own = joinedTables[table] ?? []
    return [...own, ...own, 'k', 'k', 'k'].map((column) => `${alias}.${column}`).concat(this.#pick(own))
  }

  #condition(depth: number, columns: readonly string[], outer: readonly string[]): string {
    const length = this.#pick([1, 1, 2, 2, 3])
    return Array.from({ length }, () => this.#conjunct(depth, columns, outer)).join(' and ')
  }

  #conjunct(depth: number, columns: readonly string[], outer: readonly string[]): string {
    const column = this.#column(columns, outer)
    const other = this.#column(columns, outer)
    const value = this.#pick(['0', '1', '1', '2', '3'])
    const nested = (): string => this.#condition(depth - 1, columns, outer)
    const query = (list: string): string => this.#select(depth - 1, [...outer, ...columns], list)
    const list = this.#pick(['x.k', 'k', 'x.k', 'x.a'])
    const pair = (): string => this.#query(depth - 1, [...outer, ...columns]).slice('as '.length)
    switch (this.#below(depth > 0 ? 22 : 9)) {
      case 0:
      case 1:
        return `${column} = ${value}`
      case 2:
        return `${column} in (${value}, 2)`
      case 3:
      case 4:
      case 5:
        return `${column} = ${other}`
      case 6:
        return this.#pick([
          `${column} is null`,
          `(${column}, ${other}) = (${value}, 1)`,
          `${column} between 0 and 2`,
          `2 > ${column}`,
        ])
      case 7:
        return `(${column}, ${other}) = (${other}, ${this.#column(columns, outer)})`
      case 8:
        return this.#pick([`${column} < 3`, `${column} >= 1`, `(${column} = ${value} or ${column} = 2)`])
      case 9:
        return `(${nested()} or ${nested()})`
      case 10:
        return `not (${nested()})`
      case 11:
        return `(${nested()})`
      case 12:
      case 17:
        return `${column} in (${query(list)})`
      case 18:
        return `${column} = (${query(list)} order by 1 limit 1)`
      case 19:
        return `(${column}, ${other}) in ${pair()}`
      case 20:
        return `(${column} = ${value} and ${nested()} or ${nested()} and ${column} in (${value}, 0))`
      case 21:
        return `${column} not in (${query(list)})`
      case 13:
        return `not exists (${query('1')})`
      default:
        return `exists (${query('1')})`
    }
  }

  #column(columns: readonly string[], outer: readonly string[]): string {
    return this.#pick(outer.length > 0 && this.#below(4) === 0 ? outer : columns)
  }

  #pick<T>(choices: readonly T[]): T {
    const choice = choices[this.#below(choices.length)]
    if (choice === undefined) throw new Error('There is nothing to choose from.')
    return choice
  }

  /** A number from 0 on, by a generator with a known series for each seed (mulberry32). */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) % limit
  }
}
