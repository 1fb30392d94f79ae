import { describe, expect, test } from 'vitest'

import { mysqlUri } from './dsn.ts'

describe('mysqlUri', () => {
  test.each([
    ['mysql://a:b@host:3307/shop?charset=utf8mb4', 'mysql://a:b@host:3307/shop?charset=utf8mb4'],
    ['mariadb://a:b@host/shop', 'mysql://a:b@host/shop'],
  ])('takes %s', (dsn, uri) => expect(mysqlUri(dsn)).toBe(uri))

  test.each(['postgres://u:geheim@h/x', 'mysql://u:geheim@[/x', 'mysql:u:geheim'])('refuses %s and hides it', (dsn) => {
    expect(() => mysqlUri(dsn)).toThrow(expect.objectContaining({ code: 'SIGNALBOX_CONFIG_INVALID' }))
    expect(() => mysqlUri(dsn)).not.toThrow('geheim')
  })
})
