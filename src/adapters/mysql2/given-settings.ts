import { classesOf, type Mysql2 } from './native-mysql2.ts'

/** What was given for the settings of a connection or a pool. */
export type GivenSettings = Readonly<Record<string, unknown>>

/** As one object: also what stands in a text, or in a text among the settings. */
export function givenSettings(mysql2: Mysql2, options: unknown): GivenSettings {
  const { ConnectionConfig } = classesOf(mysql2)
  if (typeof options === 'string') return ConnectionConfig.parseUrl(options)
  if (typeof options !== 'object' || options === null) return {}
  const given = options as GivenSettings
  if (typeof given['uri'] !== 'string' || given['uri'] === '') return given
  const named = Object.entries(given).filter(([, value]) => Boolean(value))
  return { ...ConnectionConfig.parseUrl(given['uri']), ...Object.fromEntries(named) }
}

/** Without the one that `mysql2` does not know, and would warn of. */
export function withoutOwn(options: unknown): unknown {
  if (typeof options !== 'object' || options === null || !('signalbox' in options)) return options
  const { signalbox: _, ...rest } = options
  return rest
}
