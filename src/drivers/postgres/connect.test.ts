import { describe, expect, it } from 'vitest'
import { splitDsn } from './connect.ts'

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
