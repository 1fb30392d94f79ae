import { ConfigError } from '../../errors.ts'
import { show } from '../../option.ts'
import type { ColumnPair } from './column-pairs.ts'
import { ValueRefused, type Canonical } from './values/kind.ts'

/** Keys as an application gives them, in the form and order of the primary key of the source. Throws `ConfigError`. */
export function givenKey(value: unknown, pairs: readonly ColumnPair[], path: string): readonly Canonical[] {
  const isRecord =
    typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)
  const names = pairs.map(({ name }) => name)
  if (!isRecord && pairs.length > 1)
    throw new ConfigError(path, `${show(value)} is not accepted.`, `an object with ${names.join(', ')}`)
  return pairs.map((pair) => {
    const part: unknown = isRecord ? Reflect.get(value, pair.name) : value
    if (part === undefined || part === null)
      throw new ConfigError(path, `It has no ${pair.name}.`, `values of ${names.join(', ')}`)
    try {
      return pair.source.given(part)
    } catch (error) {
      if (!(error instanceof ValueRefused)) throw error
      throw new ConfigError(path, `${show(part)} is no value of ${pair.name}: ${error.message}.`, pair.from.type)
    }
  })
}
