import { describe, expect, it } from 'vitest'
import { Carrier, type Arriving, type Departure, type Departing } from './carrier.ts'
import { cookieValues } from './cookie.ts'
import type { HttpSessionOptions } from './options.ts'

const attributes = 'Path=/; SameSite=Lax; HttpOnly'

function request(headers: Readonly<Record<string, string>> = {}, method = 'GET', url = '/'): Arriving {
  return { method, url, header: (name) => headers[name] }
}

function departure(
  options: HttpSessionOptions,
  arriving: Arriving,
  departing: Partial<Departing> = {},
): Departure | undefined {
  const carrier = new Carrier(options)
  return carrier.depart(carrier.arrive(arriving), arriving, { status: 200, wrote: false, ...departing })
}

describe('a token', () => {
  it('is read from the cookie, and among garbage', () => {
    const carrier = new Carrier()
    for (const cookie of [
      'signalbox=s1.a.b',
      'a=1; signalbox=s1.a.b',
      'signalbox="s1.a.b"',
      ';;=; signalbox ; signalboxx=no; = ; signalbox = s1.a.b ;%%%',
      'signalbox=; signalbox=s1.a.b; signalbox=later',
      `signalbox=${'x'.repeat(4_097)}; signalbox=s1.a.b`,
      'signalbox=a b; signalbox=ä; signalbox=s1.a.b',
    ]) {
      expect(carrier.arrive(request({ cookie })), cookie).toMatchObject({ start: { token: 's1.a.b' }, cookie: true })
    }
  })

  it('keeps the "=" of its own', () => {
    expect(cookieValues('a=b==; c', 'a')).toEqual(['b=='])
  })

  it('of 4,096 characters is read, a longer one is not', () => {
    const read = (length: number) =>
      new Carrier().arrive(request({ cookie: `signalbox=${'x'.repeat(length)}` })).start.token?.length
    expect([read(4_096), read(4_097)]).toEqual([4_096, undefined])
  })

  it('of the header goes before that of the cookie, unless it cannot be one', () => {
    const carrier = new Carrier({ header: 'X-Signalbox' })
    const start = (header: string) => carrier.arrive(request({ cookie: 'signalbox=c', 'x-signalbox': header })).start
    expect(start('h')).toEqual({ token: 'h' })
    expect(start('')).toEqual({ token: 'c' })
    expect(start('h'.repeat(4_097))).toEqual({ token: 'c' })
  })

  it('is read only from where the options say', () => {
    const headers = { cookie: 'signalbox=c', 'x-signalbox': 'h' }
    expect(new Carrier().arrive(request(headers)).start.token).toBe('c')
    expect(new Carrier({ cookie: false, header: 'x-signalbox' }).arrive(request(headers)).start.token).toBe('h')
    expect(new Carrier({ cookie: { name: 'other' } }).arrive(request(headers)).start.token).toBeUndefined()
  })

  it('is asked for only if something was written or brought', () => {
    const brought = request({ cookie: 'signalbox=c' })
    const asks = (options: HttpSessionOptions, arriving: Arriving, wrote: boolean) => {
      const carrier = new Carrier(options)
      return carrier.asks(carrier.arrive(arriving), wrote)
    }
    expect(asks({}, request(), false)).toBe(false)
    expect(asks({}, request(), true)).toBe(true)
    expect(asks({}, brought, false)).toBe(true)
    expect(asks({ dropEarly: false }, brought, false)).toBe(false)
    expect(asks({ dropEarly: false }, brought, true)).toBe(true)
    expect(asks({ pinning: {} }, brought, true)).toBe(false)
  })

  it('is set with all attributes, in cookie and header', () => {
    const wrote = { wrote: true, token: 't' }
    expect(departure({}, request(), wrote)).toEqual({ cookie: `signalbox=t; Max-Age=30; ${attributes}` })
    const cookie = {
      name: '__Secure-s',
      maxAge: 60,
      sameSite: 'None',
      httpOnly: false,
      secure: true,
      path: '/app',
      domain: 'example.org',
    } as const
    expect(departure({ cookie, header: 'X-Signalbox' }, request(), wrote)).toEqual({
      cookie: '__Secure-s=t; Max-Age=60; Path=/app; Domain=example.org; SameSite=None; Secure',
      header: ['x-signalbox', 't'],
    })
    expect(departure({ cookie: false, header: 'x-signalbox' }, request(), wrote)).toEqual({
      header: ['x-signalbox', 't'],
    })
  })

  it('that the request brought is renewed while it is needed, then removed from where it came', () => {
    const both = { header: 'x-signalbox' }
    const cookie = request({ cookie: 'signalbox=c' })
    expect(departure(both, cookie, { token: 't' })?.header).toEqual(['x-signalbox', 't'])
    expect(departure(both, cookie)).toEqual({ cookie: `signalbox=; Max-Age=0; ${attributes}` })
    expect(departure(both, request({ 'x-signalbox': 'h' }))).toEqual({ header: ['x-signalbox', ''] })
    expect(departure(both, request())).toBeUndefined()
  })

  it('that cannot be one is removed', () => {
    expect(departure({}, request({ cookie: 'signalbox=a b' }))?.cookie).toMatch(/^signalbox=; Max-Age=0;/)
  })

  it('is left alone by a request that wrote nothing, without dropEarly', () => {
    const cookie = request({ cookie: 'signalbox=c' })
    expect(departure({ dropEarly: false }, cookie)).toBeUndefined()
    expect(departure({ dropEarly: false }, cookie, { wrote: true })?.cookie).toMatch(/Max-Age=0/)
    expect(departure({ dropEarly: false }, cookie, { wrote: true, token: 't' })?.cookie).toMatch(/^signalbox=t;/)
  })
})

describe('pinning by method', () => {
  const pinning = { optOut: ['/login', '/likes/*', '/api/**', '/a.b'] }
  const pinned = { cookie: `signalbox_pin=y; Max-Age=15; ${attributes}` }

  it('reads from the primary with the cookie, whatever its value, or with a method that writes', () => {
    const primary = (arriving: Arriving) => new Carrier({ pinning }).arrive(arriving).start.primary
    expect(primary(request())).toBe(false)
    for (const value of ['y', 'n', '']) expect(primary(request({ cookie: `signalbox_pin=${value}` }))).toBe(true)
    expect(primary(request({ cookie: 'signalbox=t' }))).toBe(false)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'REPORT']) expect(primary(request({}, method))).toBe(true)
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE']) expect(primary(request({}, method))).toBe(false)
  })

  it('sets the cookie after a method that writes, whatever the status, or after a write; never renews or removes it', () => {
    for (const status of [200, 302, 404, 500])
      expect(departure({ pinning }, request({}, 'POST'), { status })).toEqual(pinned)
    expect(departure({ pinning }, request(), { wrote: true })).toEqual(pinned)
    expect(departure({ pinning }, request())).toBeUndefined()
    expect(departure({ pinning }, request({ cookie: 'signalbox_pin=y' }))).toBeUndefined()
  })

  it('leaves out paths of the list, but for what they write', () => {
    const primary = (url: string) => new Carrier({ pinning }).arrive(request({}, 'POST', url)).start.primary
    for (const url of ['/login', '/login?next=/', '/likes/7', '/api/a/b', '/api/', '/a.b'])
      expect(primary(url), url).toBe(false)
    for (const url of ['/login/x', '/likes/7/8', '/x/login', '/api', '/axb', '/?/login'])
      expect(primary(url), url).toBe(true)
    expect(departure({ pinning }, request({}, 'POST', '/login'))).toBeUndefined()
    expect(departure({ pinning }, request({}, 'POST', '/login'), { wrote: true })).toEqual(pinned)
    expect(new Carrier({ pinning }).arrive(request({ cookie: 'signalbox_pin=y' }, 'POST', '/login')).start).toEqual({
      primary: true,
    })
  })

  it('takes other methods, names and seconds', () => {
    const options = { pinning: { readOnlyMethods: ['get', 'REPORT'], cookieName: 'pin', seconds: 60 } }
    expect(departure(options, request({}, 'REPORT'))).toBeUndefined()
    expect(departure(options, request({}, 'HEAD'))?.cookie).toMatch(/^pin=y; Max-Age=60;/)
  })
})

describe('pinning by redirect', () => {
  const options = { pinning: { mode: 'redirect' } } as const
  const pinned = { cookie: `signalbox_pin=y; Max-Age=5; ${attributes}` }
  const cookie = request({ cookie: 'signalbox_pin=y' })

  it('sets the cookie on 302 and 303 of a request that writes, or that was pinned itself', () => {
    for (const status of [302, 303]) {
      expect(departure(options, request({}, 'POST'), { status })).toEqual(pinned)
      expect(departure(options, request(), { status, wrote: true })).toEqual(pinned)
      expect(departure(options, cookie, { status })).toEqual(pinned)
      expect(departure(options, request(), { status })).toBeUndefined()
    }
  })

  it('sets none otherwise, and removes the one that it was brought', () => {
    for (const status of [200, 301, 307, 500]) {
      expect(departure(options, request({}, 'POST'), { status, wrote: true })).toBeUndefined()
      expect(departure(options, cookie, { status })?.cookie).toMatch(/^signalbox_pin=; Max-Age=0;/)
    }
    expect(new Carrier(options).arrive(cookie).start.primary).toBe(true)
  })
})
