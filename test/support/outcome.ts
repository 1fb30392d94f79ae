import { expect } from 'vitest'
import { CannotScatterError, type Client, SignalboxError } from '../../src/index.ts'
import type { Engine } from '../../src/topology/server-target.ts'

/** With what a statement is refused, and the words that name what stands in the way. */
export interface Refused {
  readonly code: string
  readonly construct: string
}

/** Where a statement is answered, or how it is refused. */
export type Outcome = 'one shard' | 'rows' | 'groups' | 'every shard' | Refused

/** The outcome on all engines, or on each. */
export type Outcomes = Outcome | Readonly<Record<Engine, Outcome>>

export function outcomeOn(engine: Engine, outcomes: Outcomes): Outcome {
  return typeof outcomes === 'object' && 'sqlite' in outcomes ? outcomes[engine] : outcomes
}

/** It says which tables' rows would have to be on one shard. */
export function refused(construct: string): Refused {
  return { code: 'SIGNALBOX_SHARD_KEY_MISSING', construct }
}

/** It names something in the statement whose parts cannot be put together. */
export function cannotScatter(construct: string): Refused {
  return { code: 'SIGNALBOX_CANNOT_SCATTER', construct }
}

interface Call {
  readonly sql: string
  readonly params?: readonly unknown[]
  readonly options?: Parameters<Client['query']>[2]
}

/** What the client says of a statement before it is sent. */
export function outcomeOf(client: Client<'default'>, { sql, params = [], options = {} }: Call): string | Refused {
  try {
    const { destination, shards, scatter } = client.preview(sql, params, options)
    if (destination === 'one' && shards.length === 1) return 'one shard'
    if (destination === 'every') return 'every shard'
    return scatter !== undefined && shards.length > 1 ? scatter.kind : destination
  } catch (error) {
    return refusalIn(error)
  }
}

/** Sends a statement that is refused, and says how. */
export async function refusalOf(
  client: Client<'default'>,
  { sql, params = [], options = {} }: Call,
): Promise<string | Refused> {
  try {
    const { rows } = await client.query(sql, params, options)
    return `answered with ${rows.length} rows`
  } catch (error) {
    return refusalIn(error)
  }
}

function refusalIn(error: unknown): Refused {
  if (!(error instanceof SignalboxError)) throw error
  const { code, message } = error
  return { code, construct: error instanceof CannotScatterError ? error.construct : message }
}

/** Both ways to ask refuse it in the same words. */
export async function expectRefused(
  client: Client<'default'>,
  call: Call,
  { code, construct }: Refused,
): Promise<void> {
  const inWords = { code, construct: expect.stringContaining(construct) as string }
  expect(await refusalOf(client, call)).toEqual(inWords)
  expect(outcomeOf(client, call)).toEqual(inWords)
}

/** The rows of the first table below a heading of the documentation whose first cell is a number. */
export function numberedRows(page: string, heading: string): readonly (readonly string[])[] {
  const [, below = ''] = page.split(`\n## ${heading}\n`)
  const [section = ''] = below.split('\n## ')
  return section
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^\d+$/.test(cells[1] ?? ''))
    .map((cells) => cells.slice(1, -1))
}

/** How the documentation writes an outcome. */
export function outcomeCell(outcomes: Outcomes): string {
  if (typeof outcomes === 'string') return outcomes
  if ('code' in outcomes) return `refused: ${outcomes.construct}`
  const { postgres, mysql, sqlite } = outcomes
  return `PostgreSQL: ${outcomeCell(postgres)}; MariaDB: ${outcomeCell(mysql)}; SQLite: ${outcomeCell(sqlite)}`
}

/** Whether some engine refuses it. */
export function isRefused(outcomes: Outcomes): boolean {
  return typeof outcomes !== 'string' && ('code' in outcomes || Object.values(outcomes).some(isRefused))
}
