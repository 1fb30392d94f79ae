import type { TypeParsers } from '../../drivers/driver.ts'
import type { Decision, SendOptions } from '../decision.ts'
import { Result } from '../result.ts'

/**
 * PostgreSQL, where a call has parsers of its own: the rows are put together as the server sent them, since what these parsers make of a sort key
 * may have no order, and are parsed afterwards.
 */
export function withOwnTypes(
  { database }: Decision,
  options: SendOptions | undefined,
): { readonly asked: SendOptions; readonly parsed: <Row>(raw: Result<unknown>) => Result<Row> } | undefined {
  const types = options?.types
  if (database.engine !== 'postgres' || types === undefined || options?.rowMode === 'raw') return undefined
  const { types: _, ...rest } = options ?? {}
  return {
    asked: { ...rest, rowMode: 'raw' },
    parsed: <Row>(raw: Result<unknown>) => parsedResult<Row>(raw, types, options?.rowMode === 'array'),
  }
}

function parsedResult<Row>(raw: Result<unknown>, types: TypeParsers, asArrays: boolean): Result<Row> {
  const { fields, rowCount, native, route, missingShards } = raw
  const parsers = fields.map((field) => types.getTypeParser(oidOf(field.native), 'text'))
  const rows = raw.rows.map((row) => {
    const values = (row as readonly (string | null)[]).map((text, index) =>
      text === null ? null : parsers[index]!(text),
    )
    return asArrays ? values : Object.fromEntries(values.map((value, index) => [fields[index]!.name, value]))
  })
  return new Result<Row>({ rows, rowCount, fields, native }, route, missingShards)
}

function oidOf(native: unknown): number {
  return Number((native as { readonly dataTypeID?: unknown }).dataTypeID)
}
