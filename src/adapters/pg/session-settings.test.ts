import { describe, expect, it } from 'vitest'
import { SessionSettings, SettingsCatalogue } from './session-settings.ts'

const catalogue = new SettingsCatalogue()

function set(settings: SessionSettings, values: Readonly<Record<string, string>>): void {
  settings.apply({ resetsAll: false, reset: [], set: Object.keys(values) }, new Map(Object.entries(values)))
}

function reset(settings: SessionSettings, ...names: string[]): void {
  settings.apply({ resetsAll: false, reset: names, set: [] }, new Map())
}

const valuesOf = (settings: SessionSettings): unknown => Object.fromEntries(settings.current?.values ?? [])

describe('the settings of a session', () => {
  it('are the same object for the same settings, in whatever order they were set', () => {
    const [one, other] = [new SessionSettings(catalogue), new SessionSettings(catalogue)]
    expect(one.current).toBeUndefined()
    set(one, { timezone: 'UTC' })
    set(one, { 'app.tenant': '1' })
    set(other, { 'app.tenant': '1', timezone: 'UTC' })
    expect(one.current).toBe(other.current)
    set(other, { 'app.tenant': '2' })
    expect(one.current).not.toBe(other.current)
  })

  it('keep their order where one of them says who the session is', () => {
    const settings = new SessionSettings(catalogue)
    set(settings, { role: 'admin' })
    set(settings, { log_statement: 'all' })
    expect([...settings.current!.values.keys()]).toEqual(['role', 'log_statement'])
    set(settings, { role: 'reader' })
    expect([...settings.current!.values.keys()]).toEqual(['log_statement', 'role'])
  })

  it('go back to what the session began with', () => {
    const settings = new SessionSettings(catalogue, new Map([['timezone', 'UTC']]))
    set(settings, { timezone: 'Asia/Tokyo', 'app.tenant': '1' })
    reset(settings, 'timezone')
    expect(valuesOf(settings)).toEqual({ timezone: 'UTC', 'app.tenant': '1' })
    settings.apply({ resetsAll: true, reset: [], set: [] }, new Map())
    expect(valuesOf(settings)).toEqual({ timezone: 'UTC' })
    set(settings, { role: 'reader', 'app.tenant': '1' })
    settings.apply({ resetsAll: true, reset: [], set: [] }, new Map())
    expect(valuesOf(settings)).toEqual({ timezone: 'UTC', role: 'reader' })
    settings.forget()
    expect([valuesOf(settings), settings.isChanged]).toEqual([{ timezone: 'UTC' }, false])
  })

  it('begin with what was set for all users of a client', () => {
    const settings = new SessionSettings(catalogue)
    const change = { resetsAll: false, reset: [], set: ['search_path'] }
    settings.apply(change, new Map([['search_path', 'a']]), true)
    set(settings, { search_path: 'b' })
    settings.forget()
    expect(valuesOf(settings)).toEqual({ search_path: 'a' })
  })

  it('are undone with their transaction, and with its savepoints', () => {
    const settings = new SessionSettings(catalogue)
    set(settings, { a: '0' })
    const before = settings.current
    settings.begin()
    set(settings, { a: '1' })
    expect(settings.forCalls).toBe(before)
    settings.savepoint('one')
    set(settings, { a: '2', b: '2' })
    settings.savepoint('two')
    reset(settings, 'a')
    settings.rollbackTo('two')
    expect(valuesOf(settings)).toEqual({ a: '2', b: '2' })
    settings.release('two')
    settings.rollbackTo('one')
    expect(valuesOf(settings)).toEqual({ a: '1' })
    set(settings, { b: '3' })
    settings.release('one')
    settings.commit()
    expect(valuesOf(settings)).toEqual({ a: '1', b: '3' })
    expect(settings.forCalls).toBe(settings.current)
    settings.begin()
    settings.savepoint('one')
    set(settings, { a: '9' })
    settings.rollback()
    expect(valuesOf(settings)).toEqual({ a: '1', b: '3' })
  })
})
