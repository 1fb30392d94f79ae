import type { DriverRequest, NamedSettings } from './driver.ts'

/** Settings by name and value, as those of PostgreSQL are; `undefined` for what another engine takes. */
export function namedSettings(settings: DriverRequest['settings']): NamedSettings | undefined {
  return typeof settings === 'object' && 'values' in settings ? settings : undefined
}
