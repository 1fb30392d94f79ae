import { describe, expect, it } from 'vitest'
import { addressOfDsn, databaseNameOfDsn, engineOfDsn, faultOfDsn, looksLikeDsn, redactDsn } from './dsn.ts'

describe('data source names', () => {
  it.each([
    ['postgres://u:p@h/d', 'postgres'],
    ['postgresql://h/d', 'postgres'],
    ['mysql://h/d', 'mysql'],
    ['mariadb://h/d', 'mysql'],
    ['sqlite::memory:', 'sqlite'],
    ['SQLITE:./a.db', 'sqlite'],
    ['oracle://h/d', undefined],
    ['constructor:x', undefined],
    ['shop', undefined],
  ])('%s is of the engine %s', (dsn, engine) => {
    expect(engineOfDsn(dsn)).toBe(engine)
  })

  it('tells a name from an alias by its scheme', () => {
    expect(looksLikeDsn('oracle://h')).toBe(true)
    expect(looksLikeDsn('shop')).toBe(false)
    expect(looksLikeDsn('shop-2')).toBe(false)
  })

  it.each([
    ['postgres://h/d', undefined],
    ['postgres://localhost', undefined],
    ['postgres:///d?host=/run/postgresql', undefined],
    ['postgres:h/d', /"\/\/"/],
    ['postgres:///d', /no host/],
    ['mysql://u:p#w@h/d', /not a valid URL|no host/],
    ['sqlite:', /no file/],
    ['oracle://h', /unknown/],
  ])('finds the fault of %s', (dsn, fault) => {
    if (fault === undefined) expect(faultOfDsn(dsn)).toBeUndefined()
    else expect(faultOfDsn(dsn)).toMatch(fault)
  })

  it.each([
    ['postgres://u:secret@h:1/d', 'postgres://u:***@h:1/d'],
    ['postgres://u:se@cr/et@h/d', 'postgres://u:***@h/d'],
    ['postgres://u@h/d', 'postgres://u@h/d'],
    ['postgres://h/d?user=u&password=secret', 'postgres://h/d?user=u&password=***'],
    ['mysql://u:secret secret@not a host', 'mysql://u:***@not a host'],
    ['sqlite:./a@b.db', 'sqlite:./a@b.db'],
  ])('hides the password of %s', (dsn, shown) => {
    expect(redactDsn(dsn)).toBe(shown)
    expect(addressOfDsn(dsn)).not.toMatch(/secret|se@cr/)
  })

  it('names the database', () => {
    expect(databaseNameOfDsn('mysql://u@h:3306/shop%20a?x=1')).toBe('shop a')
    expect(databaseNameOfDsn('mysql://u@h')).toBeUndefined()
  })
})
