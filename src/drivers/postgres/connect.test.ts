import { describe, expect, it } from 'vitest'
import { readOnlyDsn, searchPathDsn, splitDsn } from './connect.ts'

describe('query_timeout of a data source name', () => {
  it.each([
    ['postgres://h/d', 'postgres://h/d', 0],
    ['postgres://h/d?query_timeout=500', 'postgres://h/d', 500],
    ['postgres://h/d?query_timeout=500&ssl=true', 'postgres://h/d?ssl=true', 500],
    ['postgres://h/d?ssl=true&query_timeout=500', 'postgres://h/d?ssl=true', 500],
    ['postgres://h/d?a=1&query_timeout=5&b=2', 'postgres://h/d?a=1&b=2', 5],
    ['postgres://u:query_timeout=5@h/d', 'postgres://u:query_timeout=5@h/d', 0],
  ])('%s', (dsn, without, queryTimeoutMs) => {
    expect(splitDsn(dsn)).toEqual({ dsn: without, queryTimeoutMs })
  })
})

describe('searchPathDsn', () => {
  it('names the schemas as the startup parameter takes them, behind what is set already', () => {
    const path = ['app', 'Sales 1', 'a"b', String.raw`c\d`]
    const dsn = searchPathDsn('postgres://u@h/db?options=-c%20search_path%3Dx', path, undefined)
    expect(new URL(dsn).searchParams.get('options')).toBe(
      String.raw`-c search_path=x -c search_path="app","Sales\ 1","a""b","c\\d"`,
    )
  })
})

describe('readOnlyDsn', () => {
  const optionsOf = (dsn: string, environment?: string): string | null =>
    new URL(readOnlyDsn(dsn, environment)).searchParams.get('options')
  const on = '-c default_transaction_read_only=on'

  it.each([
    ['postgres://u:p@h/db', on],
    ['postgres://u:p%23@h/db?sslmode=require', on],
    ['postgres://u@h/db?options=-c%20work_mem%3D8MB', `-c work_mem=8MB ${on}`],
    [
      'postgres://u@h/db?options=-c+default_transaction_read_only%3Doff&a=1',
      `-c default_transaction_read_only=off ${on}`,
    ],
    ['postgres://u@h/db?options=-c%20a.b%3D1&options=-c%20a.b%3D2', `-c a.b=2 ${on}`],
  ])('adds to what %s says', (dsn, expected) => {
    expect(optionsOf(dsn)).toBe(expected)
  })

  it('adds to the options of the environment where the name has none, as pg would take them', () => {
    expect(optionsOf('postgres://u@h/db', '-c work_mem=8MB')).toBe(`-c work_mem=8MB ${on}`)
    expect(optionsOf('postgres://u@h/db?options=-c%20a.b%3D1', '-c work_mem=8MB')).toBe(`-c a.b=1 ${on}`)
  })

  it('leaves everything else as it is', () => {
    const { href, searchParams } = new URL(
      readOnlyDsn('postgres://u:p%40%3F@h:5433/db?sslrootcert=%2Fa%20b&a=', undefined),
    )
    expect(href).toContain('postgres://u:p%40%3F@h:5433/db?')
    expect([...searchParams].slice(0, 2)).toEqual([
      ['sslrootcert', '/a b'],
      ['a', ''],
    ])
  })
})
