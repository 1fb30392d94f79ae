import { describe, expect, test } from 'vitest'

import { isBlank, readStatementText } from './statement-text.ts'

describe('readStatementText', () => {
  test.each([
    ['select 1', 'select', 0, []],
    ['-- insert\n/* update */ SELECT ?', 'select', 1, []],
    ['insert into t values (?, ?, ?)', 'insert', 3, []],
    ['with x as (select 1 from t where a = ?) update t set b = ?', 'update', 2, []],
    ['with recursive insert_ as (select 1) select * from insert_', 'select', 0, []],
    ['replace into t values (?)', 'replace', 1, []],
    ['explain delete from t', 'explain', 0, []],
    ['select ?3, ?1', 'select', 3, []],
    ['select ?2, ?', 'select', 3, []],
    ['select :a, @b, $c, :a', 'select', 0, ['a', 'b', 'c']],
    ['select :a, ?', 'select', 1, ['a']],
    [`select '?', "?", \`?\`, [?], 'it''s ?' -- ?`, 'select', 0, []],
    ["select 'a' || ? || 'b'", 'select', 1, []],
    ['select a -> ?, b ->> ? from t', 'select', 2, []],
    ["select 'never closed ?", 'select', 0, []],
    ['', '', 0, []],
  ])('%s', (sql, verb, positional, names) => {
    expect(readStatementText(sql)).toEqual({ verb, positional, names })
  })

  test('stays quick on long literals', () => {
    const long = "''".repeat(500_000)
    expect(readStatementText(`select '${long}', ?`).positional).toBe(1)
  })
})

describe('isBlank', () => {
  test.each(['', ' \n;; ', '-- select 1', '/* a */ ; -- b\n', '/* never closed'])('true for %j', (rest) => {
    expect(isBlank(rest)).toBe(true)
  })
  test.each(['select 1', '; select 1', '-- a\nselect 1', '/* a */ b'])('false for %j', (rest) => {
    expect(isBlank(rest)).toBe(false)
  })
})
