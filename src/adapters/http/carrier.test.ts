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
  const carrier = new Carrier(options, () => 'new')
  return carrier.depart(carrier.arrive(arriving), arriving, { status: 200, wrote: false, ...departing })
}

const departureOf = (carrier: Carrier, arriving: Arriving, departing: Partial<Departing>): string =>
  carrier.depart(carrier.arrive(arriving), arriving, { status: 200, wrote: false, ...departing })?.cookies[0] ?? ''

const removed = (suffix: string): string => `signalbox.${suffix}=; Max-Age=0; ${attributes}`

describe('a token', () => {
  it('is read from the cookie, and among garbage', () => {
    const carrier = new Carrier()
    for (const cookie of [
      'signalbox.a=s1.a.b',
      'a=1; signalbox.a=s1.a.b',
      'signalbox.a="s1.a.b"',
      ';;=; signalbox.a ; signalboxx.a=no; signalbox=no; = ; signalbox.a = s1.a.b ;%%%',
      `signalbox.a=${'x'.repeat(4_001)}; signalbox.a=s1.a.b`,
      'signalbox.a=a b; signalbox.a=ä; signalbox.a=s1.a.b',
    ]) {
      const arrival = carrier.arrive(request({ cookie }))
      expect(arrival, cookie).toEqual({ start: { token: ['s1.a.b'] }, cookies: ['signalbox.a'], header: false })
    }
  })

  it('may come several times: all count, up to 64', () => {
    const carrier = new Carrier({ header: 'x-signalbox' })
    const arrival = carrier.arrive(
      request({ cookie: 'signalbox.a=1; signalbox.b=2; signalbox.c=', 'x-signalbox': '3, 4,' }),
    )
    expect(arrival).toEqual({
      start: { token: ['3', '4', '1', '2'] },
      cookies: ['signalbox.a', 'signalbox.b', 'signalbox.c'],
      header: true,
    })
    const many = Array.from({ length: 70 }, (_, index) => `signalbox.${index}=t${index}`).join('; ')
    const { start, cookies } = carrier.arrive(request({ cookie: many }))
    expect([start.token?.length, cookies.length]).toEqual([64, 64])
  })

  it('keeps the "=" of its own', () => {
    expect(cookieValues('a=b==; c', 'a')).toEqual(['b=='])
  })

  it('of 4,000 characters is read, a longer one is not', () => {
    const read = (length: number) =>
      new Carrier().arrive(request({ cookie: `signalbox.a=${'x'.repeat(length)}` })).start.token?.[0]?.length
    expect([read(4_000), read(4_001)]).toEqual([4_000, undefined])
  })

  it('is read only from where the options say', () => {
    const headers = { cookie: 'signalbox.a=c', 'x-signalbox': 'h' }
    const tokens = (options?: HttpSessionOptions) => new Carrier(options).arrive(request(headers)).start.token
    expect(tokens()).toEqual(['c'])
    expect(tokens({ cookie: false, header: 'x-signalbox' })).toEqual(['h'])
    expect(tokens({ cookie: { name: 'other' } })).toBeUndefined()
    expect(tokens({ header: 'X-Signalbox' })).toEqual(['h', 'c'])
  })

  it('is asked for only if something was written or brought', () => {
    const brought = request({ cookie: 'signalbox.a=c' })
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
    expect(departure({}, request(), wrote)).toEqual({ cookies: [`signalbox.new=t; Max-Age=30; ${attributes}`] })
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
      cookies: ['__Secure-s.new=t; Max-Age=60; Path=/app; Domain=example.org; SameSite=None; Secure'],
      header: ['x-signalbox', 't'],
    })
    expect(departure({ cookie: false, header: 'x-signalbox' }, request(), wrote)).toEqual({
      cookies: [],
      header: ['x-signalbox', 't'],
    })
  })

  it('has a name of its own after every write, instead of those that the request had', () => {
    const suffixOf = (): string =>
      /^signalbox\.([\w-]+)=t;/.exec(departureOf(new Carrier(), request(), { wrote: true, token: 't' }))?.[1] ?? ''
    const suffixes = Array.from({ length: 100 }, suffixOf)
    expect(new Set(suffixes).size).toBe(100)
    for (const suffix of suffixes) expect(suffix).toMatch(/^[\w-]{8}$/)
    const two = request({ cookie: 'signalbox.a=1; signalbox.b=2' })
    expect(departure({}, two, { wrote: true, token: 't' })?.cookies).toEqual([
      removed('a'),
      removed('b'),
      `signalbox.new=t; Max-Age=30; ${attributes}`,
    ])
  })

  it('that the request brought is renewed while it is needed, then removed from where it came', () => {
    const both = { header: 'x-signalbox' }
    const one = request({ cookie: 'signalbox.a=c' })
    expect(departure(both, one, { token: 't' })).toEqual({
      cookies: [`signalbox.a=t; Max-Age=30; ${attributes}`],
      header: ['x-signalbox', 't'],
    })
    expect(departure(both, one)).toEqual({ cookies: [removed('a')] })
    expect(departure(both, request({ 'x-signalbox': 'h' }))).toEqual({ cookies: [], header: ['x-signalbox', ''] })
    expect(departure(both, request())).toBeUndefined()
    // Under one of the two names it could be overwritten by the renewal of that one alone.
    expect(departure({}, request({ cookie: 'signalbox.a=1; signalbox.b=2' }), { token: 't' })?.cookies).toEqual([
      removed('a'),
      removed('b'),
      `signalbox.new=t; Max-Age=30; ${attributes}`,
    ])
  })

  it('that cannot be one is removed', () => {
    expect(departure({}, request({ cookie: 'signalbox.a=a b' }))?.cookies).toEqual([removed('a')])
    expect(departure({ dropEarly: false }, request({ cookie: 'signalbox.a=a b' }))?.cookies).toEqual([removed('a')])
  })

  it('is left alone by a request that wrote nothing, without dropEarly', () => {
    const one = request({ cookie: 'signalbox.a=c' })
    expect(departure({ dropEarly: false }, one)).toBeUndefined()
    expect(departure({ dropEarly: false }, one, { wrote: true })?.cookies).toEqual([removed('a')])
    expect(departure({ dropEarly: false }, one, { wrote: true, token: 't' })?.cookies).toEqual([
      removed('a'),
      `signalbox.new=t; Max-Age=30; ${attributes}`,
    ])
  })
})

describe('pinning by method', () => {
  const pinning = { optOut: ['/login', '/likes/*', '/api/**', '/a.b'] }
  const pinned = { cookies: [`signalbox_pin=y; Max-Age=15; ${attributes}`] }

  it('reads from the primary with the cookie, whatever its value, or with a method that writes', () => {
    const primary = (arriving: Arriving) => new Carrier({ pinning }).arrive(arriving).start.primary
    expect(primary(request())).toBe(false)
    for (const value of ['y', 'n', '']) expect(primary(request({ cookie: `signalbox_pin=${value}` }))).toBe(true)
    expect(primary(request({ cookie: 'signalbox.a=t' }))).toBe(false)
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
    expect(departure(options, request({}, 'HEAD'))?.cookies[0]).toMatch(/^pin=y; Max-Age=60;/)
  })
})

describe('pinning by redirect', () => {
  const options = { pinning: { mode: 'redirect' } } as const
  const pinned = { cookies: [`signalbox_pin=y; Max-Age=5; ${attributes}`] }
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
      expect(departure(options, cookie, { status })?.cookies[0]).toMatch(/^signalbox_pin=; Max-Age=0;/)
    }
    expect(new Carrier(options).arrive(cookie).start.primary).toBe(true)
  })
})
