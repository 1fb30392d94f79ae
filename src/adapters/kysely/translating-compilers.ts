import {
  MysqlQueryCompiler,
  PostgresQueryCompiler,
  SqliteQueryCompiler,
  type OnConflictNode,
  type OnDuplicateKeyNode,
  type OperatorNode,
  type QueryCompiler,
  type RawNode,
} from 'kysely'
import { CrossEngineError, type Engine } from '../../index.ts'

/** Kysely's own compiler of an engine. */
export function compilerOf(engine: Engine): QueryCompiler {
  return compilers[engine]()
}

/**
 * Compilers for queries that were built on an instance of one engine and belong to another. They throw
 * `CrossEngineError` for what cannot be carried over, or would be understood there and mean something else.
 */
export class Translators {
  readonly #from: Engine
  readonly #compilers = new Map<Engine, QueryCompiler>()

  constructor(from: Engine) {
    this.#from = from
  }

  to(engine: Engine): QueryCompiler {
    let compiler = this.#compilers.get(engine)
    if (compiler === undefined) {
      compiler = translators[engine](this.#from)
      this.#compilers.set(engine, compiler)
    }
    return compiler
  }
}

const compilers = {
  postgres: () => new PostgresQueryCompiler(),
  mysql: () => new MysqlQueryCompiler(),
  sqlite: () => new SqliteQueryCompiler(),
} as const satisfies Record<Engine, () => QueryCompiler>

const translators = {
  postgres: (from) => new PostgresTranslator(from),
  mysql: (from) => new MysqlTranslator(from),
  sqlite: (from) => new SqliteTranslator(from),
} as const satisfies Record<Engine, (from: Engine) => QueryCompiler>

class PostgresTranslator extends PostgresQueryCompiler {
  readonly #from: Engine

  constructor(from: Engine) {
    super()
    this.#from = from
  }

  protected override visitRaw(node: RawNode): void {
    refuseFragment(node, this.#from, 'postgres')
    super.visitRaw(node)
  }

  protected override visitOperator(node: OperatorNode): void {
    refuseOperator(node, this.#from, 'postgres')
    super.visitOperator(node)
  }

  protected override visitOnDuplicateKey(_: OnDuplicateKeyNode): void {
    refuseOnDuplicateKey('postgres')
  }
}

class MysqlTranslator extends MysqlQueryCompiler {
  readonly #from: Engine

  constructor(from: Engine) {
    super()
    this.#from = from
  }

  protected override visitRaw(node: RawNode): void {
    refuseFragment(node, this.#from, 'mysql')
    super.visitRaw(node)
  }

  protected override visitOperator(node: OperatorNode): void {
    refuseOperator(node, this.#from, 'mysql')
    super.visitOperator(node)
  }

  protected override visitOnConflict(_: OnConflictNode): void {
    throw new CrossEngineError(
      `onConflict() does not exist on ${title.mysql}, where the query belongs. ` +
        `Use onDuplicateKeyUpdate() or ignore(). ${nothingSent}`,
    )
  }
}

class SqliteTranslator extends SqliteQueryCompiler {
  readonly #from: Engine

  constructor(from: Engine) {
    super()
    this.#from = from
  }

  protected override visitRaw(node: RawNode): void {
    refuseFragment(node, this.#from, 'sqlite')
    super.visitRaw(node)
  }

  protected override visitOperator(node: OperatorNode): void {
    refuseOperator(node, this.#from, 'sqlite')
    super.visitOperator(node)
  }

  protected override visitOnDuplicateKey(_: OnDuplicateKeyNode): void {
    refuseOnDuplicateKey('sqlite')
  }
}

const title = { postgres: 'PostgreSQL', mysql: 'MySQL/MariaDB', sqlite: 'SQLite' } as const satisfies Record<
  Engine,
  string
>
const nothingSent = 'Nothing was sent.'

/**
 * Text that Kysely itself writes as raw SQL, or that means the same everywhere: nothing but separators (`sql.ref`,
 * `sql.id`, `sql.join`, …), and the words of `orderBy`, `onTrue` and literals.
 */
const sameEverywhere = /^(?:[\s.,()]*|asc|desc|true|false|null)$/i

function refuseFragment(node: RawNode, from: Engine, to: Engine): void {
  if (node.sqlFragments.every((fragment) => sameEverywhere.test(fragment))) return
  throw new CrossEngineError(
    `The query belongs to a ${title[to]} database, but its fragment sql\`${shortened(node)}\` was written for ${title[from]}, ` +
      `and SQL text is never translated. ${nothingSent} ${writeFor(to)}`,
  )
}

function shortened(node: RawNode): string {
  const text = node.sqlFragments.join('${…}').trim().replaceAll(/\s+/g, ' ')
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** Understood by both engines, with another meaning: `||` is OR on MySQL, `#` begins a comment, `^` is a power on PostgreSQL. */
const ambiguousOperators: ReadonlySet<string> = new Set(['||', '&&', '^', '#', '?'])

function refuseOperator({ operator }: OperatorNode, from: Engine, to: Engine): void {
  if (!ambiguousOperators.has(operator)) return
  if (operator === '||' && from !== 'mysql' && to !== 'mysql') return
  throw new CrossEngineError(
    `The query belongs to a ${title[to]} database, where the operator ${operator} does not mean what it means on ${title[from]}. ` +
      `${nothingSent} ${writeFor(to)}`,
  )
}

function refuseOnDuplicateKey(to: Engine): never {
  throw new CrossEngineError(
    `onDuplicateKeyUpdate() does not exist on ${title[to]}, where the query belongs. Use onConflict(). ${nothingSent}`,
  )
}

function writeFor(engine: Engine): string {
  return `Write it for that engine, on an instance made with kysely(client, { engine: '${engine}' }) or kysely(client.using(alias)).`
}
