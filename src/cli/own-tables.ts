import type { TableName } from '../index.ts'

/** Whether a table is one that Signalbox makes for itself, under the name that it takes if nobody gives it another. Nobody declares those. */
export function isOwnTable({ name }: TableName): boolean {
  return name.toLowerCase().startsWith('signalbox_')
}
