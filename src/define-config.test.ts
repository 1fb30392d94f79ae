import { expect, it } from 'vitest'
import { connect } from './connect.ts'
import { defineConfig } from './define-config.ts'

it('gives the same configuration back', () => {
  const config = { databases: { default: 'sqlite::memory:' } } as const
  expect(defineConfig(config)).toBe(config)
  const make = (): typeof config => config
  expect(defineConfig(make)).toBe(make)
})

it('refuses a misspelt alias when compiling, in a value and in a function', () => {
  const databases = { shop: 'sqlite:./shop.db', reviews: 'sqlite:./reviews.db' } as const
  // @ts-expect-error there is no database "revews"
  const value = defineConfig({ databases, tables: { review: 'revews' } })
  // @ts-expect-error there is no database "revews"
  const made = defineConfig(() => ({ databases, tables: { review: { database: 'revews' } } }))
  const right = defineConfig({ databases, tables: { review: 'reviews', product: { database: 'shop' } } })
  expect([value, made, right].map((each) => typeof each)).toEqual(['object', 'function', 'object'])
})

it('keeps the aliases for the client', () => {
  const config = defineConfig({ databases: { shop: 'sqlite:./shop.db' } })
  const open = async (): Promise<void> => {
    const client = await connect(config)
    // @ts-expect-error there is no database "shp"
    client.allowMigrate('shp', 'product')
  }
  expect(open).toBeTypeOf('function')
})
