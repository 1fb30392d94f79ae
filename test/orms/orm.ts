import type { Mariadb } from '../../src/adapters/mariadb.ts'
import type { Mysql2 } from '../../src/adapters/mysql2.ts'
import type { Pg } from '../../src/adapters/pg.ts'

export interface Product {
  readonly id: number
  readonly name: string
  readonly stock: number
}

export interface Review {
  readonly id: number
  readonly productId: number
  readonly text: string
}

/** What every tool can do, on its own and in a transaction, in the way that its users write it. */
export interface Calls {
  /** As the tool inserts; gives back the row that the database has, by RETURNING where the tool uses it. */
  insert(product: Product): Promise<Product>
  find(id: number): Promise<Product | undefined>
  setStock(id: number, stock: number): Promise<void>
  /** A text of the application's own, without parameters. */
  raw<Row>(sql: string): Promise<readonly Row[]>
}

export interface InTransaction extends Calls {
  /** The tool's own locking read; where it has none, a text. */
  lock(id: number): Promise<Product | undefined>
  /** What is thrown in it undoes what was done in it, and nothing else. */
  savepoint<T>(work: (tx: InTransaction) => Promise<T>): Promise<T>
}

/** An ORM or query builder as the suite drives it. */
export interface OrmUnderTest extends Calls, AsyncDisposable {
  findAll(): Promise<readonly Product[]>
  addReview(review: Review): Promise<void>
  reviewsOf(productId: number): Promise<readonly Review[]>
  /** The tool's own locking read outside of a transaction, for those that allow it. */
  readonly lock?: (id: number) => Promise<Product | undefined>
  /** Rows one by one, for tools that have it. */
  readonly stream?: (() => AsyncIterable<Product>) | undefined
  /** False where the tool itself, on the bare driver as well, can do nothing more if a stream is not read to its end. Default true. */
  readonly canLeaveStreams?: boolean
  transaction<T>(work: (tx: InTransaction) => Promise<T>): Promise<T>
  /** A transaction that is said to be read-only, for tools that can say it. */
  readonly readOnly?: <T>(work: (tx: Calls) => Promise<T>) => Promise<T>
}

/** What a tool runs on. Nothing else differs between the bare driver and Signalbox. */
export interface Place {
  /** The module: `pg` itself, or what `pgFor(client)` gives. */
  readonly pg: Pg
  /** Where the bare driver connects to. */
  readonly url: string
}

/** As `Place`, on MariaDB. */
export interface MysqlPlace {
  /** The module: `mysql2` itself, or what `mysql2For(client)` gives. */
  readonly mysql2: Mysql2
  /** What `mariadbFor(client)` gives, for tools that stand on `mariadb`. */
  readonly mariadb: Mariadb
  readonly url: string
}

export interface Orm<P = Place> {
  readonly name: string
  open(place: P): Promise<OrmUnderTest>
}
