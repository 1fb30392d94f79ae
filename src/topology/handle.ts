import type { Engine } from './server-target.ts'

/**
 * The engine of a pool or handle that the application made itself, or `undefined` if the value is none.
 *
 * Known by shape and not by class: the application may have another copy of the driver's package than Signalbox sees.
 */
export function handleEngine(value: unknown): Engine | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const has = (...methods: string[]): boolean =>
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  if (has('connect', 'query') && 'totalCount' in value) return 'postgres'
  if (has('getConnection', 'execute')) return 'mysql'
  if (has('prepare', 'exec', 'applyChangeset')) return 'sqlite'
  return undefined
}
