import { inspect } from 'node:util'

import { describe, expect, test, vi } from 'vitest'

import { CommitUnknownError, ConfigError, locate, QueryError, SignalboxError, TimeoutError } from './errors.ts'

const place = { database: 'shop', shard: 'main', server: 'shop/main/primary', role: 'primary' } as const

describe('SignalboxError', () => {
  test('shows only what is known', () => {
    const unplaced = new TimeoutError('The statement did not finish within 5 ms.', 5)
    expect(Object.keys(unplaced)).not.toEqual(expect.arrayContaining(['database']))
    expect(inspect(unplaced)).not.toMatch(/undefined|database|shard|server|role/)
    expect(inspect(new QueryError('other', 'Refused.'))).not.toMatch(/undefined|engineCode/)

    const placed = new QueryError('other', 'Refused.', { database: 'shop', engineCode: '42P01' })
    expect(inspect(placed)).toMatch(/database: 'shop'/)
    expect(inspect(placed)).toMatch(/engineCode: '42P01'/)
    expect(inspect(placed)).not.toMatch(/undefined|shard|server|role/)
  })

  test('has the name of its class, and its cause', () => {
    const cause = new Error('socket hang up')
    const error = new CommitUnknownError('COMMIT was sent.', { cause })
    expect(error).toMatchObject({ name: 'CommitUnknownError', code: 'SIGNALBOX_COMMIT_UNKNOWN', safeToRetry: false })
    expect(error.cause).toBe(cause)
    expect('cause' in new TimeoutError('Late.', 5)).toBe(false)
  })

  test('is known across two copies of the package', async () => {
    vi.resetModules()
    const second = await import('./errors.ts')
    expect(second.SignalboxError).not.toBe(SignalboxError)
    const foreign = new second.ConfigError('pool', 'It is wrong.', 'a right one')
    expect(foreign instanceof SignalboxError).toBe(true)
    expect(new ConfigError('pool', 'It is wrong.', 'a right one') instanceof second.SignalboxError).toBe(true)
    expect(foreign instanceof ConfigError).toBe(false)
    expect(locate(foreign, place)).toMatchObject(place)
    expect(new Error('Another.') instanceof SignalboxError).toBe(false)
    expect((null as unknown) instanceof SignalboxError).toBe(false)
  })

  test('is a SignalboxError and nothing narrower than its class', () => {
    const error = new QueryError('other', 'Refused.')
    expect(error instanceof SignalboxError).toBe(true)
    expect(error instanceof QueryError).toBe(true)
    expect(error instanceof ConfigError).toBe(false)
  })
})

describe('locate', () => {
  test('notes the place where none is known', () => {
    const error = new QueryError('other', 'Refused.')
    expect(locate(error, place)).toBe(error)
    expect(error).toMatchObject(place)
    expect(inspect(error)).toContain("server: 'shop/main/primary'")
  })

  test('overwrites nothing', () => {
    const elsewhere = new QueryError('other', 'Refused.', { database: 'archive' })
    locate(elsewhere, place)
    expect(elsewhere).toMatchObject({ database: 'archive' })
    expect('shard' in elsewhere || 'server' in elsewhere || 'role' in elsewhere).toBe(false)

    const half = new QueryError('other', 'Refused.', { server: 'shop/main/replica-1', role: 'replica' })
    locate(half, place)
    expect(half).toMatchObject({ database: 'shop', shard: 'main', server: 'shop/main/replica-1', role: 'replica' })
  })

  test('hands what is no error of ours through untouched', () => {
    const other = Object.freeze(new Error('Another.'))
    expect(locate(other, place)).toBe(other)
    expect(locate('text', place)).toBe('text')
  })
})
