/** Where the rows of a table are that a shadow keeps something of. */
export type Storage =
  /** The base's rows, with the local ones laid over them. */
  | 'augment'
  /** The local table alone. */
  | 'replace'
  /** As the base has it: local are copies of rows alone that foreign keys lead to or from. */
  | 'mirror'

export interface KeyColumn {
  readonly name: string
  /** By which values of the key are the same, where the engine says so (SQLite). */
  readonly collation?: string
  /** It may be NULL, which is no value that a key could be found by (SQLite). */
  readonly isNullable?: true
}

export interface ShadowColumn {
  readonly name: string
  /** As declared. */
  readonly type: string
  /** Values keep the type that they are given with, whatever it is (SQLite's ANY in a STRICT table). */
  readonly isAny?: true
  /** Nothing says which of its values are the same, but their texts (PostgreSQL's json). */
  readonly isOpaque?: true
  /** Calculated by the engine: nobody can give it a value. */
  readonly isGenerated: boolean
  /** The default as SQL; what rows of the base have in a column that only the local table has. */
  readonly preset?: string
  /** It cannot be NULL. */
  readonly isRequired?: boolean
  /** Of a column that was added here: its name and what follows it, as `ALTER TABLE … ADD COLUMN` had it. */
  readonly definition?: string
}

export interface ForeignKey {
  readonly columns: readonly string[]
  /** The table that it refers to. */
  readonly table: string
  readonly referenced: readonly string[]
  /** What is done to its rows when the referred one is deleted: ON DELETE SET NULL. */
  readonly setsNull?: boolean
}

export interface TablePlace {
  readonly schema: string
  readonly name: string
}

/** What has to be known of a table to lay local rows over it. */
export interface TableFacts {
  /** By which it is told from all others: with its schema, where it is in another than the first one of the search path. */
  readonly name: string
  /** Where the base has it, if it is such a one (PostgreSQL). */
  readonly place?: TablePlace
  readonly columns: readonly ShadowColumn[]
  /** Empty: it has none. */
  readonly primaryKey: readonly KeyColumn[]
  /** Besides the primary key. */
  readonly uniqueKeys: readonly (readonly KeyColumn[])[]
  readonly foreignKeys: readonly ForeignKey[]
  /** The column for which the engine makes the next number if no value is given (SQLite's INTEGER PRIMARY KEY). */
  readonly numbered?: string
  /** By what the number is called that the engine gives each row, where no column is that number (SQLite's rowid). */
  readonly rowNumber?: string
  /** Names by which a statement may mean that number: `numbered`, or none that is listed. */
  readonly rowNames?: readonly string[]
}

/** A table of which a shadow keeps something. */
export interface ShadowTable extends TableFacts {
  readonly storage: Storage
  /** Names of the columns that the base has, too. */
  readonly baseColumns: readonly string[]
}

/** What begins the name of everything that a shadow keeps for itself. */
export const ownPrefix = 'signalbox_'

/** The local rows of an augmented table: those that were added or changed, and the copies that keys lead to. */
export function localName(table: string): string {
  return `${ownPrefix}local_${table}`
}

/** The rows of the base that are not shown any more, as they were when they were first touched. */
export function originalName(table: string): string {
  return `${ownPrefix}original_${table}`
}

/** What takes the keys of rows that are about to be changed, and copies them from the base. */
export function touchName(table: string): string {
  return `${ownPrefix}touch_${table}`
}

/** An error's text with the names that the application knows. */
export function withOwnNames(message: string): string {
  return message.replaceAll(`${ownPrefix}local_`, '')
}

/** The columns that can be given a value. */
export function writtenColumns({ columns }: ShadowTable): readonly ShadowColumn[] {
  return columns.filter(({ isGenerated }) => !isGenerated)
}

/** Those that the base lacks: its rows show their default. */
export function ownColumns({ columns, baseColumns }: ShadowTable): readonly ShadowColumn[] {
  const common = new Set(baseColumns)
  return columns.filter(({ name }) => !common.has(name))
}

/** The columns that can be given a value, and that the base has. */
export function copiedColumns({ columns, baseColumns }: ShadowTable): readonly string[] {
  const common = new Set(baseColumns)
  return columns.filter(({ name, isGenerated }) => !isGenerated && common.has(name)).map(({ name }) => name)
}
