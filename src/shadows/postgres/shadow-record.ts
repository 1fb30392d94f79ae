import type { ShadowKind } from '../../topology/shadow.ts'
import type { TableName } from '../../topology/pattern-map.ts'
import { calledBy, schemas, text } from './names.ts'
import type { PostgresFacts, PostgresTable } from './postgres-table.ts'
import type { Ask } from './read-base.ts'

/** The record of what a shadow keeps. */
export const recordTable = `${schemas.merged}.shadow_table`

export async function isMade(ask: Ask): Promise<boolean> {
  const [found] = await ask<{ there: boolean }>(`SELECT to_regclass(${text(recordTable)}) IS NOT NULL AS there`)
  return found?.there === true
}

/** A table or view of the base, as the shadow was made for it. */
export interface RecordedTable {
  readonly name: string
  readonly type: string
  readonly kind: ShadowKind
  readonly facts: PostgresTable | PostgresFacts
}

/** Where the shadow shows what the base has, as it was when it was made. */
export interface ShadowPlaces {
  /** Of the base's server: 150004. */
  readonly version: number
  /** The first schema of the base's search path. */
  readonly main: string
  readonly path: readonly string[]
  /** All of the base's that are shown. */
  readonly schemas: readonly string[]
  /** Sequences that it has made in them. */
  readonly sequences: readonly string[]
}

export async function shadowPlaces(ask: Ask): Promise<ShadowPlaces> {
  const [found] = await ask<ShadowPlaces>(
    `SELECT version, main, path, schemas, sequences FROM ${schemas.merged}.shadow`,
  )
  return found ?? { version: 0, main: 'public', path: ['public'], schemas: ['public'], sequences: [] }
}

/** Names of the base's tables and views, by what statements call them. */
export function namesIn(recorded: readonly RecordedTable[], { main, path }: ShadowPlaces): (use: TableName) => string {
  const known = new Map(
    recorded.map(({ name, facts }) => {
      const { schema, name: own } = calledBy(facts, main)
      return [`${schema} ${own}`, name]
    }),
  )
  return ({ schema, name }) => {
    for (const each of schema === undefined ? path : [schema]) {
      const found = known.get(`${each} ${name}`)
      if (found !== undefined) return found
    }
    return schema === undefined ? name : `${schema}.${name}`
  }
}

export async function recordedTables(ask: Ask): Promise<readonly RecordedTable[]> {
  return await ask(`SELECT name, type, kind, facts FROM ${recordTable} ORDER BY place`)
}

/** Those of which something is kept. */
export function keptTables(recorded: readonly RecordedTable[]): readonly PostgresTable[] {
  return recorded.flatMap(({ facts }) => ('storage' in facts ? facts : []))
}
