import { describe, expect, it } from 'vitest'
import { settingsChangeOf } from './setting-text.ts'

/** As `+name` for what is set, `-name` for what is given back, `-*` for all of that. */
function told(statements: readonly string[], values?: readonly unknown[]): string | undefined {
  const change = settingsChangeOf(statements, values)
  if (change === undefined) return undefined
  const { resetsAll, reset, set } = change
  return [...(resetsAll ? ['-*'] : []), ...reset.map((name) => `-${name}`), ...set.map((name) => `+${name}`)].join(' ')
}

describe('what a text does to settings', () => {
  it.each([
    ["set application_name = 'x'", '+application_name'],
    ['SET SESSION Search_Path TO a, "B";', '+search_path'],
    ["/* why */ set -- so\n app.tenant to '--'", '+app.tenant'],
    [`set "My"."Setting" = 'default'`, '+my.setting'],
    ['set statement_timeout to default', '-statement_timeout'],
    ['set local statement_timeout = 5', ''],
    ["SET TIME ZONE 'Asia/Tokyo'", '+timezone'],
    ["set session time zone interval '-08:00' hour to minute", '+timezone'],
    ['set time zone local', '-timezone'],
    ["set names 'utf8'", '+client_encoding'],
    ["set schema 'a'", '+search_path'],
    ['set role reader', '+role'],
    ['set role to reader', '+role'],
    ['set local role reader', ''],
    ['set role none', '-role'],
    ['set session authorization joe', '+session_authorization +role'],
    ['set session session authorization default', '-session_authorization -role'],
    [
      'set session characteristics as transaction isolation level serializable',
      '+default_transaction_isolation +default_transaction_read_only +default_transaction_deferrable',
    ],
    ['set xml option document', '+xmloption'],
    ['set transaction_read_only = on', ''],
    ['reset all', '-*'],
    ['reset TimeZone', '-timezone'],
    ['reset time zone', '-timezone'],
    ['reset session authorization', '-session_authorization -role'],
    ["select set_config('app.tenant', '7', false)", '+app.tenant'],
    ["select pg_catalog.set_config('App.Tenant', '7'::text, true) as x", ''],
  ])('%s', (text, expected) => expect(told([text])).toBe(expected))

  it.each([
    'set transaction read only',
    'set constraints all deferred',
    'set seed to 0.5',
    'select 1',
    "select set_config('a.b', name, false) from t",
    "select set_config('a.b', 'x', false), 1",
    "select set_config('a.b', (select 'x'), false)",
    "select set_config($1, 'x', $2)",
    'create table t (id integer)',
    'set',
    'reset a b',
  ])('%s: something else', (text) => expect(told([text])).toBeUndefined())

  it('adds up over several statements', () => {
    const ofTool = ['SET standard_conforming_strings=on', 'SET client_min_messages TO warning', "SET TIME ZONE 'UTC'"]
    expect(told(ofTool)).toBe('+standard_conforming_strings +client_min_messages +timezone')
    expect(told(["set a.b = '1'", 'set role x', 'reset all', "set c.d = '1'", 'reset c.d'])).toBe('-* -c.d +role')
    expect(told(["set a.b = '1'", 'select 1'])).toBeUndefined()
  })

  it('takes names and scopes from parameters', () => {
    expect(told(['select set_config($1, $2, $3)'], ['app.tenant', '7', false])).toBe('+app.tenant')
    expect(told(['select set_config($1, $2, $3::boolean)'], ['app.tenant', '7', 'true'])).toBe('')
    expect(
      told(["select set_config('a.b', $1, false), set_config('c.d', $2, true), set_config('e.f', $3, false)"], []),
    ).toBe('+a.b +e.f')
  })
})
