import { ShadowError } from '../../errors.ts'
import type { Analysis } from '../../statement/analysis.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'

/** The server that a statement of a shadow runs on. */
export type Place = 'local' | 'base'

/**
 * Where a statement runs on a shadow whose base and local database are two servers that know nothing of each other. Throws `ShadowError` for what
 * would change or lock the base, and for what needs both. Pure.
 */
export function placeOf(analysis: Analysis, catalogue: ShadowCatalogue): Place {
  const { kind, tables, complete, why } = analysis
  const refuse = (fault: string): never => {
    throw new ShadowError(`"${catalogue.alias}" is a shadow: ${fault} Nothing was sent.`)
  }
  if (kind === 'unknown' || !complete)
    return refuse(`what the statement reads and changes cannot be told (${why}). Send it to the local database itself.`)
  if (kind === 'session' || kind === 'transaction') return 'local'
  const ofBase = tables.filter(({ name }) => catalogue.kindOf(name) === 'base')
  const [first] = ofBase
  if (first === undefined) return 'local'
  const changed = ofBase.find(({ access }) => access === 'write')
  if (changed !== undefined)
    refuse(
      `${changed.name} is shown as "${catalogue.base}" has it, and that is never written. Declare it in the shadow: tables: { ${changed.name}: 'replace' }.`,
    )
  const own = tables.find(({ name }) => catalogue.kindOf(name) !== 'base')
  if (own !== undefined)
    refuse(
      `the statement needs ${first.name} of "${catalogue.base}" and ${own.name} of the local database, which are two servers here. Read them one by one, or declare both "replace".`,
    )
  if (kind !== 'read') refuse(`${why}, and "${catalogue.base}" is only read.`)
  return 'base'
}
