import { describe, expect, it } from 'vitest'
import type { Config } from './config.ts'
import { parseConfig } from './parse-config.ts'

const production = 'postgres://app:secret@db.example/shop'

/** Why each database takes no writes; those that do are left out. */
function guarded(databases: Config['databases'], option?: readonly string[], variable?: string): object {
  const { topology } = parseConfig(
    { databases, ...(option === undefined ? {} : { noWritesTo: option }) },
    {
      noWritesTo: variable,
    },
  )
  const marked = [...topology.databases.values()].filter(({ noWrites }) => noWrites !== undefined)
  return Object.fromEntries(marked.map(({ alias, noWrites }) => [alias, noWrites]))
}

describe('databases that take no writes', () => {
  const named = '`noWritesTo` names it'
  const byVariable = 'the environment variable SIGNALBOX_NO_WRITES_TO names it'

  it('are none unless they are named', () => {
    expect(guarded({ production })).toEqual({})
    expect(guarded({ production }, [], '')).toEqual({})
    expect(guarded({ production }, [], ' , ')).toEqual({})
  })

  it('are named by the option or by the variable, by an alias or an alias of it', () => {
    const databases = { default: 'production', production, other: 'sqlite:other.db' }
    expect(guarded(databases, ['production'])).toEqual({ production: named })
    expect(guarded(databases, ['default'])).toEqual({ production: named })
    expect(guarded(databases, undefined, 'default')).toEqual({ production: byVariable })
    expect(guarded(databases, ['production'], 'other , production')).toEqual({ production: named, other: byVariable })
    expect(guarded(databases, ['*'])).toEqual({ production: named, other: named })
    expect(guarded(databases, undefined, '*')).toEqual({ production: byVariable, other: byVariable })
  })

  it('are also those that are where a named one is', () => {
    const also = 'it is where "production" is, and `noWritesTo` names that'
    const marked = guarded(
      {
        production: { primary: production, replicas: ['postgres://app@replica.example/shop'] },
        again: 'postgresql://another:password@DB.example:5432/shop?sslmode=require',
        copy: { shards: { a: 'postgres://x@db3.example/shop', b: 'postgres://x@replica.example/shop' } },
        otherName: 'postgres://app@db.example/staging',
        otherPort: 'postgres://app@db.example:5433/shop',
        otherHost: 'postgres://app@db2.example/shop',
      },
      ['production'],
    )
    expect(Object.keys(marked)).toEqual(['production', 'again', 'copy'])
    expect(marked).toMatchObject({ again: also, copy: also })
  })

  it('are known by their file, their handle, and the names of this machine', () => {
    const handle = { prepare: () => null, exec: () => null, applyChangeset: () => true }
    expect(Object.keys(guarded({ a: 'sqlite:./x.db', b: 'sqlite:x.db?mode=ro', c: 'sqlite:y.db' }, ['a']))).toEqual([
      'a',
      'b',
    ])
    expect(Object.keys(guarded({ a: 'sqlite::memory:', b: 'sqlite::memory:' }, ['a']))).toEqual(['a'])
    expect(Object.keys(guarded({ a: handle, b: handle }, ['a']))).toEqual(['a', 'b'])
    const local = { a: 'mysql://u@localhost/shop', b: 'mariadb://u@127.0.0.1:3306/shop', c: 'mysql://u@[::1]/shop' }
    expect(Object.keys(guarded(local, ['a']))).toEqual(['a', 'b', 'c'])
  })

  it('must exist in the configuration that names them; the variable is for many, and is checked for slips', () => {
    const unknown = { code: 'SIGNALBOX_UNKNOWN_DATABASE' }
    expect(() => guarded({ production }, ['produciton'])).toThrow(expect.objectContaining(unknown))
    expect(() => guarded({ production }, ['elsewhere'])).toThrow(expect.objectContaining(unknown))
    expect(() => guarded({ production }, undefined, 'produciton')).toThrow(
      /^SIGNALBOX_NO_WRITES_TO: There is no database "produciton".*production/,
    )
    expect(guarded({ production }, undefined, 'elsewhere')).toEqual({})
  })

  it.each([['production'], [7], [[7]]])('are a list of names, and not %j', (value) => {
    expect(() => parseConfig({ databases: { production }, noWritesTo: value as never })).toThrow(
      /^noWritesTo: .*a list of/,
    )
  })
})
