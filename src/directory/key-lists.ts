import { marks } from '../statement/parameter-marks.ts'
import type { Engine } from '../topology/server-target.ts'

/** `(?, ?), (?, ?)`: so many rows of so many values each. */
export function rowMarks(engine: Engine, rows: number, columns: number): string {
  return Array.from({ length: rows }, (_, row) => `(${marks(engine, columns, row * columns + 1).join(', ')})`).join(
    ', ',
  )
}

/** Text that holds any key as it is, byte by byte: no collation makes two keys one. */
export function bytewise(engine: Engine, length: number): string {
  if (engine === 'mysql') return `varbinary(${length})`
  return engine === 'postgres' ? `varchar(${length}) collate "C"` : `varchar(${length})`
}

/** The text of such a column. MySQL and MariaDB would give bytes. */
export function asText(engine: Engine, column: string): string {
  return engine === 'mysql' ? `convert(${column} using utf8mb4)` : column
}

/** A whole number as text, which no driver rounds, and no type parser of an application changes. */
export function numberText(engine: Engine, column: string): string {
  return `cast(${column} as ${engine === 'mysql' ? 'char' : 'text'})`
}

/** Keys for one statement at most, so that no engine's limit of parameters is met. */
export const mostKeys = 1_000

export function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
