import type { CommandClass, QueryCommand } from './native-mysql2.ts'
import type { Written } from './routable-texts.ts'

/** Puts values into a text, as its connection is set to. */
export type WritesValues = (written: Written) => string

/** A query that may be sent without its values in its text. */
export interface LateQuery extends QueryCommand {
  /** Has `sql` be the text with its values in it from now on, made when somebody first asks for it. */
  writeLate(written: Written, write: WritesValues): void
}

/** Where a query keeps its text, or what that is made of. */
const late = Symbol('signalbox.late')

interface Late {
  text: string
  written?: Written | undefined
  write?: WritesValues | undefined
}

type HasText = { [late]: Late }

/** One for all queries: objects that have the same accessors are of one kind. */
const ownText: PropertyDescriptor & ThisType<HasText> = {
  enumerable: true,
  configurable: true,
  get() {
    const own = this[late]
    if (own.written !== undefined) {
      own.text = own.write!(own.written)
      own.written = undefined
      own.write = undefined
    }
    return own.text
  },
  set(text: string) {
    this[late] = { text, written: undefined, write: undefined }
  },
}

/** A query of mysql2 whose text is a property of its own as ever; what it takes to make it is only spent where it is read, and writes are mostly sent without. */
export function lateQueryClass(base: CommandClass<QueryCommand>): CommandClass<LateQuery> {
  class Query extends (base as unknown as new (...parameters: unknown[]) => object) {
    /** What the constructor of mysql2 finds there: from then on it is the object's own. */
    set sql(text: string) {
      Object.defineProperty(this, 'sql', ownText)
      ;(this as unknown as HasText)[late] = { text, written: undefined, write: undefined }
    }

    writeLate(written: Written, write: WritesValues): void {
      const own = (this as unknown as HasText)[late]
      own.written = written
      own.write = write
    }
  }
  // A query is known by its class: to connections, and to whoever asks of what a command is.
  Object.defineProperty(Query.prototype, 'constructor', { value: base })
  return Query as unknown as CommandClass<LateQuery>
}

/** Whether a command has a text that is not made yet. */
export function isLate(command: object): boolean {
  return (command as Partial<HasText>)[late]?.written !== undefined
}

/** Whether values are what they are for ever, and can be written: others may be changed behind the call, which must not be seen in the text. */
export function areFixed(values: unknown): values is readonly unknown[] {
  return Array.isArray(values) && values.every(isFixed)
}

const fixedTypes: ReadonlySet<string> = new Set(['string', 'number', 'bigint', 'boolean', 'undefined'])

function isFixed(value: unknown): boolean {
  return value === null || fixedTypes.has(typeof value)
}

/** The settings of a connection that a query begins with. */
interface QueryDefaults {
  readonly rowsAsArray?: unknown
  readonly infileStreamFactory?: unknown
}

/** The query of a call, whose parameters are those of mysql2's `query`. */
export function lateQueryOf(
  Query: CommandClass<LateQuery>,
  [asked, values, done]: readonly [asked: unknown, values: unknown, done: unknown],
  { rowsAsArray, infileStreamFactory }: QueryDefaults,
): LateQuery {
  const isCallback = typeof values === 'function'
  const callback = (isCallback ? values : done) as ConstructorParameters<typeof Query>[1]
  const defaults = { rowsAsArray, infileStreamFactory }
  if (typeof asked !== 'object')
    return new Query({ ...defaults, sql: asked, values: isCallback ? undefined : values }, callback)
  const own = asked as { readonly sql: unknown; readonly values?: unknown }
  const given = isCallback || values === undefined ? own.values : values
  return new Query({ ...defaults, ...own, sql: own.sql, values: given }, callback)
}
