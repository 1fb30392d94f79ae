import type { ValueSource } from '../statement/analysis.ts'
import type { Params } from '../statement/statement.ts'

/** The values that these sources give with these parameters; `undefined` if one of them is not known. */
export function givenValues(sources: readonly ValueSource[], params: Params): readonly unknown[] | undefined {
  const values: unknown[] = []
  for (const source of sources) {
    if (source.from === 'constant') values.push(source.value)
    else if (source.from === 'expression') return undefined
    else if (source.from === 'named') {
      if (!isRecord(params) || !Object.hasOwn(params, source.name)) return undefined
      values.push(params[source.name])
    } else {
      if (isRecord(params) || source.index >= params.length) return undefined
      const value: unknown = params[source.index]
      if (source.from === 'parameter') values.push(value)
      else if (Array.isArray(value)) values.push(...(value as unknown[]))
      else return undefined
    }
  }
  return values
}

function isRecord(params: Params): params is Readonly<Record<string, unknown>> {
  return !Array.isArray(params)
}
