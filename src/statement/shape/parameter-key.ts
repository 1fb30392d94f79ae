import { tokenType, type TokenList } from '../shallow/token-list.ts'

/** A parameter, by its index from 0, or by its name. */
export type ParameterKey = number | string

/** The parameter that a token is; -1 where nobody knows which. */
export function parameterAt(tokens: TokenList, index: number): ParameterKey | undefined {
  const type = tokens.type(index)
  if (type === tokenType.parameter) return tokens.links[index] ?? -1
  return type === tokenType.namedParameter ? tokens.text(index).slice(1) : undefined
}
