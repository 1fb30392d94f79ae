import { describe, expect, it } from 'vitest'
import { quotedName, quotedPath, quotedTable, quotedText } from './quotes.ts'

describe('what is quoted', () => {
  it.each([
    ['postgres', 'a"b`c', '"a""b`c"'],
    ['sqlite', 'a"b`c', '"a""b`c"'],
    ['mysql', 'a"b`c', '`a"b``c`'],
  ] as const)('is a name of %s: %s', (dialect, name, quoted) => {
    expect(quotedName(dialect, name)).toBe(quoted)
  })

  it('is a table with its schema, each by itself', () => {
    expect(quotedTable('postgres', { schema: 'a.b', name: 'c' })).toBe('"a.b"."c"')
    expect(quotedTable('mysql', { name: 'a.b' })).toBe('`a.b`')
    expect(quotedPath('mysql', 'a.b')).toBe('`a`.`b`')
  })

  it('is a text, and on PostgreSQL one whose backslashes are themselves under every setting', () => {
    expect(quotedText('sqlite', "it's a \\")).toBe("'it''s a \\'")
    expect(quotedText('postgres', "it's")).toBe("'it''s'")
    expect(quotedText('postgres', "it's a \\")).toBe(" E'it''s a \\\\'")
  })
})
