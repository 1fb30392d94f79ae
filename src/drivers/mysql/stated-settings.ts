import type { DriverRequest, StatedSettings } from '../driver.ts'

/** Settings by the statements that make them, as those of MySQL are; `undefined` for what another engine takes. */
export function statedSettings(settings: DriverRequest['settings']): StatedSettings | undefined {
  return typeof settings === 'object' && 'statements' in settings ? settings : undefined
}
