import { describe, expect, it } from 'vitest'
import type { NamedSettings } from '../driver.ts'
import { KnownSettings } from './known-settings.ts'

function settings(values: Readonly<Record<string, string>>): NamedSettings {
  return { key: JSON.stringify(Object.entries(values)), values: new Map(Object.entries(values)) }
}

/** What it has to be told, after which it has it. */
function made(known: KnownSettings, wanted: NamedSettings | undefined): string | undefined {
  const text = known.changeTo(wanted)
  known.became(wanted)
  return text
}

describe('what is known of the settings of a connection', () => {
  it('tells only what differs', () => {
    const known = new KnownSettings()
    expect(made(known, undefined)).toBeUndefined()
    expect(made(known, settings({ timezone: 'UTC', 'app.tenant': '1' }))).toBe(
      "SELECT pg_catalog.set_config('timezone', 'UTC', false), pg_catalog.set_config('app.tenant', '1', false)",
    )
    expect(made(known, settings({ timezone: 'UTC', 'app.tenant': '1' }))).toBeUndefined()
    expect(made(known, settings({ timezone: 'UTC', 'app.tenant': '2' }))).toBe(
      "SELECT pg_catalog.set_config('app.tenant', '2', false)",
    )
    expect(known.isChanged).toBe(true)
  })

  it('takes back what is not wanted, and then sets all that is', () => {
    const known = new KnownSettings()
    made(known, settings({ timezone: 'UTC', 'app.tenant': '1' }))
    expect(made(known, settings({ timezone: 'UTC' }))).toBe(
      "RESET ALL; SELECT pg_catalog.set_config('timezone', 'UTC', false)",
    )
    expect(made(known, undefined)).toBe('RESET ALL')
    expect(known.isChanged).toBe(false)
  })

  it('goes back to the account before it does anything else', () => {
    const known = new KnownSettings()
    made(known, settings({ log_statement: 'all', role: 'reader' }))
    expect(made(known, settings({ log_statement: 'all', role: 'writer' }))).toBe(
      `RESET "role"; RESET ALL; SELECT pg_catalog.set_config('log_statement', 'all', false), pg_catalog.set_config('role', 'writer', false)`,
    )
    expect(made(known, settings({ log_statement: 'all' }))).toBe(
      `RESET "role"; RESET ALL; SELECT pg_catalog.set_config('log_statement', 'all', false)`,
    )
  })

  it('sets anew what a statement may have changed', () => {
    const known = new KnownSettings()
    const utc = settings({ timezone: 'UTC' })
    made(known, utc)
    known.changing([])
    expect(known.changeTo(utc)).toBeUndefined()
    known.changing(['timezone'])
    expect(known.changeTo(utc)).toBe("SELECT pg_catalog.set_config('timezone', 'UTC', false)")
    known.changing(['app.tenant'])
    expect(made(known, utc)).toBe("RESET ALL; SELECT pg_catalog.set_config('timezone', 'UTC', false)")
    expect(known.changeTo(utc)).toBeUndefined()
  })

  it('writes texts so that no setting changes what they mean', () => {
    expect(new KnownSettings().changeTo(settings({ 'a.b': `'; drop \\` }))).toBe(
      String.raw`SELECT pg_catalog.set_config('a.b',  E'''; drop \\', false)`,
    )
  })
})
