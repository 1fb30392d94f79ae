import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ConfigError } from '../../index.ts'
import { httpNumbers, readHttpOptions, type HttpSessionOptions } from './options.ts'

it('have the defaults of the documentation', () => {
  expect(readHttpOptions()).toMatchObject({
    cookieName: 'signalbox',
    maxAge: 30,
    attributes: { sameSite: 'Lax', httpOnly: true, secure: false, path: '/', domain: undefined },
    header: undefined,
    dropEarly: true,
    tokenTimeoutMs: 1_000,
    pinning: undefined,
  })
  const page = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8')
  for (const [name, { default: value, min, max }] of Object.entries(httpNumbers)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``))
    for (const number of [value, min, max]) expect(row).toContain(number.toLocaleString('en'))
  }
})

const wrong: readonly (readonly [path: string, options: unknown])[] = [
  ['cookies', { cookies: {} }],
  ['cookie.ttl', { cookie: { ttl: 3 } }],
  ['pinning.second', { pinning: { second: 3 } }],
  ['cookie.maxAge', { cookie: { maxAge: 0 } }],
  ['cookie.maxAge', { cookie: { maxAge: 86_401 } }],
  ['cookie.maxAge', { cookie: { maxAge: 1.5 } }],
  ['cookie.name', { cookie: { name: 'a;b' } }],
  ['cookie.name', { cookie: { name: '' } }],
  ['cookie.name', { cookie: { name: 'a'.repeat(65) } }],
  ['cookie.name', { cookie: { name: '__Secure-a' } }],
  ['cookie.name', { cookie: { name: '__Host-a', secure: true, path: '/x' } }],
  ['cookie.name', { cookie: { name: '__Host-a', secure: true, domain: 'example.org' } }],
  ['cookie.sameSite', { cookie: { sameSite: 'lax' } }],
  ['cookie.sameSite', { cookie: { sameSite: 'None' } }],
  ['cookie.secure', { cookie: { secure: 'yes' } }],
  ['cookie.path', { cookie: { path: 'x' } }],
  ['cookie.path', { cookie: { path: '/; Domain=x' } }],
  ['cookie.domain', { cookie: { domain: 'a; b' } }],
  ['header', { header: 'a b' }],
  ['header', { cookie: false }],
  ['tokenTimeoutMs', { tokenTimeoutMs: 0 }],
  ['pinning', { pinning: {}, header: 'x-signalbox' }],
  ['pinning', { pinning: {}, cookie: false }],
  ['pinning.mode', { pinning: { mode: 'time' } }],
  ['pinning.seconds', { pinning: { seconds: 0 } }],
  ['pinning.cookieName', { pinning: { cookieName: '__Host-pin' } }],
  ['pinning.optOut[1]', { pinning: { optOut: ['/a', 'b'] } }],
]

it.each(wrong)('%s is refused in %j', (path, options) => {
  const read = (): unknown => readHttpOptions(options as HttpSessionOptions)
  expect(read).toThrow(ConfigError)
  expect(read).toThrow(`${path}: `)
})

it('prefixes of names are accepted with what they promise', () => {
  expect(readHttpOptions({ cookie: { name: '__Host-signalbox', secure: true } }).cookieName).toBe('__Host-signalbox')
})
