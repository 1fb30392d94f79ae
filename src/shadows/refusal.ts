import { ShadowError } from '../errors.ts'
import type { ShadowCatalogue } from './shadow-catalogue.ts'
import type { Storage } from './shadow-table.ts'

type Named = Pick<ShadowCatalogue, 'alias' | 'base'>

/** `why` a statement is not sent. */
export function refusal({ alias }: Named, why: string): ShadowError {
  return new ShadowError(`"${alias}" is a shadow: ${why} Nothing was sent.`)
}

/** A change of a table that is the base's. `storage`: how it has to be declared to be changed. */
export function baseRefusal(catalogue: Named, table: string, storage: Storage): ShadowError {
  return refusal(
    catalogue,
    `${table} is shown as "${catalogue.base}" has it, and that is never written. Declare it in the shadow: tables: { ${/^\w+$/.test(table) ? table : `'${table}'`}: '${storage}' }.`,
  )
}

/** A statement that is not understood. `what` it does that would have to be known; `why` it is not. */
export function untoldRefusal(catalogue: Named, what: 'changes' | 'reads and changes', why: string): ShadowError {
  return refusal(catalogue, `what the statement ${what} cannot be told (${why}). Send it to the local database itself.`)
}
