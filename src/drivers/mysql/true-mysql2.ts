import type mysql2 from 'mysql2'
import type promise from 'mysql2/promise'

/** The module, with what its types leave out. */
export type TrueMysql2 = typeof mysql2 & { readonly createConnectionPromise: typeof promise.createConnection }

/** `mysql2` itself, also where its name is an alias of `signalbox-mysql2`, which has it under this name. */
export async function loadMysql2(): Promise<TrueMysql2> {
  const found = await import('mysql2')
  return (Reflect.get(found, 'signalboxTrueMysql2') ?? found.default) as TrueMysql2
}
