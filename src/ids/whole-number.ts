import { ConfigError } from '../errors.ts'
import { show } from '../option.ts'

/** The values that an option may have, both ends included. */
export interface WholeRange {
  readonly min: number
  readonly max: number
  readonly default?: number
}

/** Reads a whole number; one without a default must be given. */
export function readWhole(value: unknown, path: string, range: WholeRange): number {
  const { min, max, default: otherwise } = range
  const given = value ?? otherwise
  if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max) return given
  const ending = otherwise === undefined ? '' : `; default ${otherwise}`
  throw new ConfigError(path, `${show(value)} is not accepted.`, `a whole number from ${min} to ${max}${ending}`)
}
