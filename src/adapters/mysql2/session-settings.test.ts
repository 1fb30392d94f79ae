import { describe, expect, it } from 'vitest'
import { SessionSettings, settingOf, withoutStrings } from './session-settings.ts'

describe('what a text sets for its session', () => {
  it.each([
    ["SET time_zone = '+00:00'", ['time_zone']],
    ["set session sql_mode='STRICT_ALL_TABLES,ANSI', foreign_key_checks = 0;", ['sql_mode', 'foreign_key_checks']],
    ['SET @@session.wait_timeout = 60, @@max_statement_time := 5', ['wait_timeout', 'max_statement_time']],
    ["set sql_mode = concat(@@sql_mode, ',ANSI_QUOTES'), lock_wait_timeout = 1", ['sql_mode', 'lock_wait_timeout']],
    [
      'SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci',
      ['character_set_client', 'character_set_results', 'character_set_connection', 'collation_connection'],
    ],
  ])('%s', (sql, variables) => expect(settingOf(sql)).toMatchObject({ variables }))

  it.each([
    'set @mine = 1',
    'set sql_mode = @mine',
    'set global max_connections = 5',
    "set time_zone = '+00:00', global max_connections = 5",
    'set autocommit = 0',
    'set timestamp = 1',
    'set last_insert_id = 5',
    'set password = password("x")',
    'set sql_mode = (select 1)',
    'set session transaction isolation level serializable',
    "set statement sql_mode = '' for select 1",
    "set /* here */ time_zone = '+00:00'",
    'select 1',
  ])('cannot be repeated, or is none: %s', (sql) => expect(settingOf(sql)).toBeUndefined())
})

describe('the settings of a session', () => {
  it('forget what is set anew, but for what the new value is made of', () => {
    const of = (...texts: readonly string[]): readonly string[] | undefined =>
      texts.reduce((settings, sql) => settings.with(settingOf(sql)!), new SessionSettings()).forCall?.statements
    expect(of()).toBeUndefined()
    expect(of("set time_zone = '+01:00'", "set sql_mode = ''", "set time_zone = '+02:00'")).toEqual([
      "set sql_mode = ''",
      "set time_zone = '+02:00'",
    ])
    expect(of("set sql_mode = ''", "set sql_mode = concat(@@sql_mode, 'ANSI')")).toHaveLength(2)
    expect(of("set sql_mode = '', time_zone = '+01:00'", "set sql_mode = 'ANSI'")).toHaveLength(2)
  })
})

it('blanks what is quoted, and nothing else', () => {
  expect(withoutStrings('a \'b?\' "c?" `d?` e?')).toBe(['a', ' '.repeat(14), 'e?'].join(' '))
})
