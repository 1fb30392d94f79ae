import type { Dialect } from '../../statement/statement.ts'
import { textTokens } from '../aggregation/text-tokens.ts'

/**
 * Functions that have another value for each call, so that a value which is asked for beside the rows is not what they are sorted by.
 * PostgreSQL computes an expression that stands twice once for each row, where it sorts by it.
 */
const volatile: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  postgres: new Set(),
  mysql: new Set('rand random_bytes uuid uuid_short uuid_v4 uuid_v7 sys_guid sysdate'.split(' ')),
  sqlite: new Set(['random', 'randomblob']),
}

/** The first function of a sort key that has another value for each call; `undefined` if there is none. */
export function volatileFunction(expression: string, dialect: Dialect): string | undefined {
  if (volatile[dialect].size === 0) return undefined
  const tokens = textTokens(expression, dialect) ?? []
  return tokens
    .find(({ same }, i) => tokens[i + 1]?.word === '(' && volatile[dialect].has(same.slice(1)))
    ?.same.slice(1)
}
