import type { PartParameter, Parts } from './part-text.ts'
import { FinishRefusal } from './split-aggregate.ts'
import type { TextToken } from './text-tokens.ts'

/**
 * PostgreSQL gives a parameter one type, from wherever it stands first. In two texts it could get two, and mean two values, unless
 * the type is written.
 *
 * @throws FinishRefusal
 */
export function refuseSharedParameters(partial: Parts, final: Parts, tokens: readonly TextToken[]): void {
  const within = new Set(parametersOf(partial))
  for (const parameter of parametersOf(final)) {
    if (within.has(parameter) && !isCast(tokens, parameter))
      throw new FinishRefusal(
        `the parameter $${Number(parameter) + 1}, which shards and the final step need both, without a cast (write $${Number(parameter) + 1}::type)`,
      )
  }
}

function isCast(tokens: readonly TextToken[], parameter: PartParameter): boolean {
  return tokens.every((token, i) => token.parameter !== parameter || tokens[i + 1]?.word === '::')
}

function parametersOf(parts: Parts): readonly PartParameter[] {
  return parts.flatMap((part) => (typeof part === 'string' ? [] : [part.parameter]))
}
