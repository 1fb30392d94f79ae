import { type Client, QueryError, SignalboxError } from '../../src/index.ts'
import type { PlayedStatement } from './model.ts'

/** What a statement came to, as a text that can be compared. */
export type Outcome = string

type Runs = Pick<Client, 'query'>

export async function outcomeOf(
  on: Runs,
  { sql, params, ordered }: PlayedStatement,
): Promise<Outcome | SignalboxError> {
  try {
    const { rows, rowCount, insertId, fields } = await on.query(sql, params, { rowMode: 'array' })
    const texts = rows.map(rowText)
    const names = fields.map(({ name }) => name).join()
    return `${rowCount} rows, id ${String(insertId)}: ${(ordered ? texts : texts.sort()).join(' ')}${names === '' ? '' : ` (${names})`}`
  } catch (error) {
    if (error instanceof SignalboxError && error.code === 'SIGNALBOX_SHADOW' && !isGuarded(error)) return error
    return errorText(error)
  }
}

export function errorText(error: unknown): Outcome {
  // What keeps the base's tables is a trigger in the copy, too.
  if (error instanceof SignalboxError && isGuarded(error)) return errorText(error.cause)
  if (!(error instanceof QueryError)) return String(error)
  const { constraint, table } = (error.cause ?? {}) as { readonly constraint?: string; readonly table?: string }
  const where = constraint === undefined ? '' : ` of ${constraint} on ${table}`
  return `${error.name} (${error.errorClass}): ${error.message} [${error.engineCode}${where}]`
}

function isGuarded({ cause }: SignalboxError): boolean {
  return cause instanceof QueryError && cause.engineCode === 'SBX02'
}

export function rowText(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
    return value
  })
}
