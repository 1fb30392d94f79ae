import type { Analysis } from '../../statement/analysis.ts'
import { baseRefusal, refusal, untoldRefusal } from '../refusal.ts'
import type { ShadowCatalogue } from '../shadow-catalogue.ts'

/** The server that a statement of a shadow runs on. */
export type Place = 'local' | 'base'

/**
 * Where a statement runs on a shadow whose base and local database are two servers that know nothing of each other. Throws `ShadowError` for what
 * would change or lock the base, and for what needs both. Pure.
 */
export function placeOf(analysis: Analysis, catalogue: ShadowCatalogue): Place {
  const { kind, tables, complete, why } = analysis
  if (kind === 'unknown' || !complete) throw untoldRefusal(catalogue, 'reads and changes', why)
  if (kind === 'session' || kind === 'transaction') return 'local'
  const ofBase = tables.filter(({ name }) => catalogue.kindOf({ name }) === 'base')
  const [first] = ofBase
  if (first === undefined) return 'local'
  const changed = ofBase.find(({ access }) => access === 'write')
  // The only storage that two servers can have: nothing can be laid over rows of another.
  if (changed !== undefined) throw baseRefusal(catalogue, changed.name, 'replace')
  const own = tables.find(({ name }) => catalogue.kindOf({ name }) !== 'base')
  if (own !== undefined)
    throw refusal(
      catalogue,
      `the statement needs ${first.name} of "${catalogue.base}" and ${own.name} of the local database, which are two servers here. Read them one by one, or declare both "replace".`,
    )
  if (kind !== 'read') throw refusal(catalogue, `${why}, and "${catalogue.base}" is only read.`)
  return 'base'
}
