import type { Dialect } from './statement.ts'

/** What stands in a text for the parameter with this number, from 1. */
export function mark(dialect: Dialect, number: number): string {
  return dialect === 'postgres' ? `$${number}` : '?'
}

/** So many marks, from this number on. */
export function marks(dialect: Dialect, count: number, first = 1): readonly string[] {
  return Array.from({ length: count }, (_, index) => mark(dialect, first + index))
}
