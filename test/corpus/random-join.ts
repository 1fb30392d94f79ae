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
    if (kind === 1)
      return `with w as (${this.#select(1, [], 'x.k')}) select * from w, (${this.#select(1, [], 'x.k')}) q`
    if (kind === 2) return this.#update()
    if (kind === 3) return this.#delete()
    return this.#select(2, [], this.#pick(['*', '*', 'count(*)', 'x.k']))
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
    if (kind === 0 && depth > 0) {
      const text = `(${this.#select(depth - 1, outer, 'x.k as k, x.a as a')}) ${alias}`
      return { text, columns: [`${alias}.k`, `${alias}.a`, 'k'] }
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
    switch (this.#below(depth > 0 ? 17 : 9)) {
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
        return this.#pick([`${column} is null`, `(${column}, ${other}) = (${value}, 1)`, `${column} between 0 and 2`])
      case 7:
        return `(${column}, ${other}) = (${other}, ${this.#column(columns, outer)})`
      case 8:
        return `${column} < 3`
      case 9:
        return `(${nested()} or ${nested()})`
      case 10:
        return `not (${nested()})`
      case 11:
        return `(${nested()})`
      case 12:
        return `${column} in (${query(this.#pick(['x.k', 'k']))})`
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
