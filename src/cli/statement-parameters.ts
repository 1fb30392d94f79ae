import type { Params } from '../index.ts'
import { UsageError } from './usage-error.ts'

const namedParameter = /^[:@$]?([a-z_]\w*)=(.*)$/is

/**
 * The parameters of a statement from the command line: `texts` are taken as they are; `json` holds one JSON value each,
 * or `name=value` with a JSON value for a named parameter. Throws {@link UsageError}.
 */
export function readParameters(texts: readonly string[], json: readonly string[]): Params {
  const named: Record<string, unknown> = {}
  const positional: unknown[] = [...texts]
  for (const text of json) {
    const [, name, value] = namedParameter.exec(text) ?? []
    if (name !== undefined && value !== undefined) named[name] = parse(value, text)
    else positional.push(parse(text, text))
  }
  if (Object.keys(named).length === 0) return positional
  if (positional.length > 0) throw new UsageError('A statement has positional parameters or named ones, not both.')
  return named
}

function parse(value: string, shown: string): unknown {
  try {
    return JSON.parse(value)
  } catch (error) {
    throw new UsageError(
      `--param ${shown}: ${JSON.stringify(value)} is no JSON. A text needs its quotes: --param '"shop"', or name='"shop"'.`,
      error,
    )
  }
}
