import type { FromItem, QueryTree, SelectTree, SetTree, WithQuery } from '../../statement/query-tree/query-tree.ts'
import { selectsIn } from '../../statement/query-tree/selects-in.ts'
import { type Expression, isWindow } from '../../statement/shape/query-shape.ts'
import { isAggregated } from '../partial-aggregates.ts'
import type { KeyReader, ShardedAppearance } from './key-pins.ts'
import {
  type Columns,
  columnOf,
  type ItemColumns,
  keepKey,
  memberColumns,
  outputColumns,
  renamed,
} from './query-columns.ts'
import { keepsOthers, notJoined, onlyInExpressions } from './refusal-texts.ts'

/** A sharded table at one place of a query. The names of its key are as the engine compares them. */
export interface QueryPlace extends ShardedAppearance {
  /** Where its name starts in the text. */
  readonly position: number
  /** A row of its query may have none of this table. */
  readonly optional: boolean
}

/**
 * What keeps a query from being answered shard by shard, so that the whole answer is made of theirs like that of a plain table;
 * `undefined` if nothing does. Of the outermost SELECT only its tables count: how its groups, order and limit are put together is
 * another question.
 */
export function spreadObstacle(
  tree: QueryTree,
  places: readonly QueryPlace[],
  keys: KeyReader,
): SpreadObstacle | undefined {
  try {
    new SpreadReader(tree, places, keys).check()
    return undefined
  } catch (error) {
    if (error instanceof SpreadObstacle) return error
    throw error
  }
}

/** What stands in the way, for people. */
export class SpreadObstacle {
  readonly text: string
  /** Of the outermost query: the name of what only its own rows stand in the way of. */
  readonly construct: string | undefined

  constructor(text: string, construct?: string) {
    this.text = text
    this.construct = construct
  }
}

/** How the rows of a query are spread over the shards. */
interface Spread {
  /**
   * Empty: every shard has all of them. Each root is a list of places that have the same key in every row, which says where the
   * row is; only the rows of a UNION ALL and the like have several, each row that of one.
   */
  readonly roots: readonly (readonly QueryPlace[])[]
  readonly columns: Columns
  /** The name of a WITH query among its tables that is read at several places: what holds at one of them may not at another. */
  readonly shared: string | undefined
}

const copied: Spread = { roots: [], columns: 'unknown', shared: undefined }

interface SpreadItem extends ItemColumns, Spread {}

class SpreadReader {
  readonly #tree: QueryTree
  readonly #places: readonly QueryPlace[]
  readonly #keys: KeyReader
  readonly #known = new Map<WithQuery, Spread | 'reading'>()
  readonly #recursive = new Set<WithQuery>()
  /** How often each query of a WITH is read. */
  readonly #uses = new Map<WithQuery, number>()
  readonly #selects: readonly SelectTree[]
  /** The sharded tables in the FROM of each query, by their positions; and the others, by the query around them. */
  readonly #tables = new Map<number, QueryPlace>()
  readonly #inside = new Map<SelectTree, QueryPlace[]>()

  constructor(tree: QueryTree, places: readonly QueryPlace[], keys: KeyReader) {
    this.#tree = tree
    this.#places = places
    this.#keys = keys
    this.#selects = selectsIn(tree)
    for (const { source } of this.#selects.flatMap(({ from }) => from))
      if (source.kind === 'with') this.#uses.set(source.query, (this.#uses.get(source.query) ?? 0) + 1)
  }

  check(): void {
    this.#locate()
    if (this.#tree.kind === 'set') this.#set(this.#tree, undefined)
    else this.#query(this.#tree, undefined)
  }

  #locate(): void {
    const listed = new Set(this.#selects.flatMap(({ from }) => from.map(({ position }) => position)))
    for (const place of this.#places) {
      if (listed.has(place.position)) this.#tables.set(place.position, place)
      else {
        const around = this.#selects
          .filter(({ span }) => span.start <= place.position && place.position < span.end)
          .toSorted((a, b) => a.span.end - a.span.start - (b.span.end - b.span.start))
        const [innermost] = around
        if (innermost === undefined) throw new SpreadObstacle(onlyInExpressions([place.table]))
        const others = this.#inside.get(innermost)
        if (others === undefined) this.#inside.set(innermost, [place])
        else others.push(place)
      }
    }
  }

  /** `where`: how it is called in messages; undefined for the outermost query. */
  #query(tree: QueryTree, where: string | undefined): Spread {
    if (tree.kind === 'values') return copied
    return tree.kind === 'select' ? this.#select(tree, where) : this.#set(tree, where)
  }

  #with(query: WithQuery): Spread {
    const known = this.#known.get(query)
    if (known === 'reading' || query.query === undefined) {
      this.#recursive.add(query)
      return copied
    }
    if (known !== undefined) return known
    this.#known.set(query, 'reading')
    const spread = this.#query(query.query, `the WITH query ${query.name}`)
    if (this.#recursive.has(query) && spread.roots.length > 0) throw new SpreadObstacle(recursive(query.name))
    const isShared = (this.#uses.get(query) ?? 0) > 1
    const found = {
      ...spread,
      columns: renamed(spread.columns, query.columns),
      shared: spread.shared ?? (isShared ? query.name : undefined),
    }
    this.#known.set(query, found)
    return found
  }

  #item(item: FromItem): SpreadItem {
    const spread = this.#source(item)
    return { ...spread, item, columns: renamed(spread.columns, item.columns) }
  }

  #source({ source, position }: FromItem): Spread {
    switch (source.kind) {
      case 'table': {
        const place = this.#tables.get(position)
        return { roots: place === undefined ? [] : [[place]], columns: [{ kind: 'all', place }], shared: undefined }
      }
      case 'query':
        return this.#query(source.query, 'a subquery of FROM')
      case 'with':
        return this.#with(source.query)
      case 'other':
        return copied
    }
  }

  #select(tree: SelectTree, where: string | undefined): Spread {
    const items = tree.from.map((item) => this.#item(item))
    for (const query of tree.readInside)
      if (this.#with(query).roots.length > 0)
        throw new SpreadObstacle(`the WITH query ${query.name} is read in a subquery of an expression, ${eachItsOwn}`)
    const columns = outputColumns(tree, items)
    const roots = this.#rootsOf(tree, items)
    if (roots.length === 0) return { ...copied, columns }
    const refuse = (where === undefined ? windowObstacle : obstacleOf)(tree, roots, items, columns)
    if (refuse !== undefined)
      throw where === undefined
        ? new SpreadObstacle(refuse.join(''), refuse[0])
        : new SpreadObstacle(`${refuse[0]} in ${where}${refuse[1]}`)
    if (where !== undefined && tree.isSorted && this.#isOrderSeen()) throw new SpreadObstacle(sorted(where))
    return { roots, columns, shared: items.find(({ shared }) => shared !== undefined)?.shared }
  }

  /** The places whose key says where a row of the joined items is. */
  #rootsOf(tree: SelectTree, items: readonly SpreadItem[]): Spread['roots'] {
    const spread = items.filter(({ roots }) => roots.length > 0)
    const inside = this.#inside.get(tree) ?? []
    const tables = namesOf([...spread.flatMap(({ roots }) => roots.flat()), ...inside])
    const [only] = spread
    if (only === undefined) {
      if (inside.length === 0) return []
      throw new SpreadObstacle(onlyInExpressions(tables))
    }
    const isAlone = spread.length === 1 && inside.length === 0
    const shared = spread.find((item) => item.shared !== undefined)?.shared
    if (!isAlone && shared !== undefined)
      throw new SpreadObstacle(
        `the WITH query ${shared} is read more than once, and joined with other rows of sharded tables`,
      )
    // Each of them has the key of all others, in every row.
    const leading = spread.filter((item) => isAlone || this.#leads(item, spread, inside))
    const present = leading.filter((item) => !mayBeMissing(item))
    const [first] = present
    if (first !== undefined) return isAlone ? first.roots : [present.flatMap(({ roots }) => roots.flat())]
    throw new SpreadObstacle(leading.length > 0 ? keepsOthers(namesOf(leading[0]!.roots.flat())) : notJoined(tables))
  }

  #leads(item: SpreadItem, spread: readonly SpreadItem[], inside: readonly QueryPlace[]): boolean {
    const [root, other] = item.roots
    const to = root?.[0]
    if (to === undefined || other !== undefined) return false
    const followers = spread.filter((each) => each !== item).flatMap(({ roots }) => roots.map(([place]) => place!))
    return [...followers, ...inside].every((place) => this.#keys.follows(place, to))
  }

  #set(tree: SetTree, where: string | undefined): Spread {
    const name = nameOfSet(tree)
    const members = tree.members.map((member) => this.#query(member, `a member of ${name}`))
    const roots = members.flatMap((member) => member.roots)
    const columns = memberColumns(
      members.map((member) => ({
        places: new Set(member.roots.flat().map(({ index }) => index)),
        columns: member.columns,
      })),
    )
    if (roots.length === 0) return { ...copied, columns }
    const [unread] = this.#recursive
    if (unread !== undefined) throw new SpreadObstacle(recursive(unread.name))
    if (members.some((member) => member.roots.length === 0))
      throw new SpreadObstacle(`a member of ${name} reads no sharded table, and every shard would answer with its rows`)
    const other = tree.operators.find((operator) => operator !== 'UNION ALL')
    if (other !== undefined && !keepKey(columns, roots))
      throw new SpreadObstacle(
        `${other} of rows that do not all have the shard key of their table ${listOf(roots)} in one column, ${eachItsOwn}`,
      )
    if (where !== undefined && tree.isLimited) throw new SpreadObstacle(`LIMIT in ${where}, ${eachItsOwn}`)
    if (where !== undefined && tree.isSorted && this.#isOrderSeen()) throw new SpreadObstacle(sorted(where))
    return { roots, columns, shared: members.find(({ shared }) => shared !== undefined)?.shared }
  }

  /** Engines often keep the order of a subquery where nothing else is said, and people count on it. */
  #isOrderSeen(): boolean {
    const top = this.#tree
    const isOrdered =
      top.kind === 'select' ? top.isSorted || isAggregated(top.shape) : top.kind === 'set' && top.isSorted
    return !isOrdered || this.#selects.some(({ shape }) => aggregatesOf(shape).some(({ name }) => !orderless.has(name)))
  }
}

/** The answer of these is the same in whatever order the values come. */
const orderless = new Set(
  'count sum avg min max total bool_and bool_or every bit_and bit_or bit_xor std stddev stddev_pop stddev_samp variance var_pop var_samp'.split(
    ' ',
  ),
)

const eachItsOwn = 'which each shard would answer from its own rows'

type Obstacle = readonly [construct: string, why: string] | undefined

/** What keeps an inner query from being answered shard by shard. */
function obstacleOf(
  tree: SelectTree,
  roots: Spread['roots'],
  items: readonly SpreadItem[],
  columns: Columns,
): Obstacle {
  const { shape, groups } = tree
  const unkept = ` that does not keep the shard key of ${listOf(roots)}, ${eachItsOwn}`
  const obstacle = shape.obstacles.find((each) => !isWindow(each))
  if (obstacle !== undefined) return [obstacle, `, ${eachItsOwn}`]
  if (tree.isLimited) return ['LIMIT', `, ${eachItsOwn}`]
  if (shape.groupBy !== undefined && !keepKey(columnsOf(groups, tree, items), roots)) return ['GROUP BY', unkept]
  if (shape.groupBy === undefined && isAggregated({ ...shape, distinct: 'none' }))
    return ['an aggregate without GROUP BY', `, ${eachItsOwn}`]
  if (shape.distinct === 'all' && !keepKey(columns, roots)) return ['DISTINCT', unkept]
  return windowObstacle(tree, roots, items)
}

function windowObstacle(tree: SelectTree, roots: Spread['roots'], items: readonly SpreadItem[]): Obstacle {
  if (tree.partitions.every((paths) => keepKey(columnsOf(paths, tree, items), roots))) return undefined
  return ['a window function', ` whose PARTITION BY does not have the shard key of ${listOf(roots)}, ${eachItsOwn}`]
}

function columnsOf(paths: SelectTree['groups'], { mergesColumns }: SelectTree, items: readonly SpreadItem[]): Columns {
  return paths.flatMap((path) =>
    path === undefined ? [] : [{ kind: 'one', name: undefined, column: columnOf(path, mergesColumns, items) }],
  )
}

function mayBeMissing({ item, roots }: SpreadItem): boolean {
  return item.source.kind === 'table' ? roots.flat().some(({ optional }) => optional) : item.mayBeMissing
}

function aggregatesOf({ items, having, orderBy }: SelectTree['shape']): Expression['aggregates'] {
  return [...items, ...(having === undefined ? [] : [having.condition]), ...(orderBy?.keys ?? [])].flatMap(
    ({ aggregates }) => aggregates,
  )
}

function nameOfSet({ operators }: SetTree): string {
  return operators.find((operator) => operator !== 'UNION ALL') ?? 'UNION ALL'
}

function recursive(name: string): string {
  return `the WITH query ${name} reads itself and sharded tables (WITH RECURSIVE), ${eachItsOwn}`
}

function sorted(where: string): string {
  return `ORDER BY in ${where}, which does not sort the rows of several shards: say it in the outermost query`
}

function listOf(roots: Spread['roots']): string {
  return namesOf(roots.flat()).join(', ')
}

function namesOf(places: readonly QueryPlace[]): readonly string[] {
  return [...new Set(places.map(({ table }) => table))]
}
