import { describe, expect, it } from 'vitest'
import { DiscoveryError } from '../errors.ts'
import { dnsSource, type NameResolver, type ServiceRecord } from './dns.ts'

const limits = { timeoutMs: 1000 }
const none = () => Promise.reject(new Error('not asked for'))

function addressesOf(...addresses: readonly string[]): NameResolver {
  return { addresses: () => Promise.resolve(addresses), services: none }
}

function servicesOf(...records: readonly Partial<ServiceRecord>[]): NameResolver {
  const whole = records.map((record) => ({ name: 'db', port: 5432, priority: 1, weight: 0, ...record }))
  return { addresses: none, services: () => Promise.resolve(whole) }
}

describe('addresses of a name', () => {
  it('are one server each, with the same port', async () => {
    const source = dnsSource({ name: 'shop', port: 5433 }, addressesOf('10.0.0.2', '10.0.0.1', '10.0.0.2'))
    expect(await source.find(limits)).toEqual([
      { host: '10.0.0.2', port: 5433 },
      { host: '10.0.0.1', port: 5433 },
    ])
    expect(source.about).toBe('addresses of shop')
  })

  it('are looked up once at a time, however long that takes', async () => {
    const open = Promise.withResolvers<readonly string[]>()
    let asked = 0
    const resolver: NameResolver = {
      addresses: () => {
        asked += 1
        return open.promise
      },
      services: none,
    }
    const source = dnsSource({ name: 'shop', port: 1 }, resolver)
    for (let n = 0; n < 2; n++) await expect(source.find({ timeoutMs: 5 })).rejects.toThrow(DiscoveryError)
    expect(asked).toBe(1)
    open.resolve(['10.0.0.1'])
    expect(await source.find(limits)).toEqual([{ host: '10.0.0.1', port: 1 }])
    await source.find(limits)
    expect(asked).toBe(2)
  })

  it('count in one family only: that of the first one, or the one that is wanted', async () => {
    const both = addressesOf('fd00::1', '10.0.0.1', 'fd00::2', '10.0.0.2')
    const hosts = async (family?: 4 | 6) =>
      (await dnsSource({ name: 'shop', port: 1, family }, both).find(limits)).map(({ host }) => host)
    expect(await hosts()).toEqual(['fd00::1', 'fd00::2'])
    expect(await hosts(4)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(await hosts(6)).toEqual(['fd00::1', 'fd00::2'])
  })

  it('of localhost are known to the system', async () => {
    expect(await dnsSource({ name: 'localhost', port: 5432, family: 4 }).find(limits)).toEqual([
      { host: '127.0.0.1', port: 5432 },
    ])
  })

  it('of a name that does not exist are an error, and not an empty list', async () => {
    // The domain "invalid" is reserved for this (RFC 2606); without a network the answer is another, and an error too.
    const error: unknown = await dnsSource({ name: 'no-such-name.invalid', port: 1 })
      .find(limits)
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(DiscoveryError)
    expect((error as Error).message).toMatch(/^The addresses of no-such-name\.invalid could not be looked up: /)
  })

  it('that do not come in time are an error', async () => {
    const silent: NameResolver = { addresses: () => new Promise(() => undefined), services: none }
    await expect(dnsSource({ name: 'shop', port: 1 }, silent).find({ timeoutMs: 5 })).rejects.toThrow(
      'The addresses of shop could not be looked up: no answer within 5 ms.',
    )
  })
})

describe('records of services', () => {
  const names = { name: '_postgresql._tcp.shop', port: 1, srv: true }

  it('bring their own names and ports; weights of 0 are equal shares', async () => {
    const source = dnsSource(names, servicesOf({ name: 'db1' }, { name: 'db2', port: 5433 }))
    expect(await source.find(limits)).toEqual([
      { host: 'db1', port: 5432 },
      { host: 'db2', port: 5433 },
    ])
    expect(source.about).toBe('SRV records of _postgresql._tcp.shop')
  })

  it('have weights, which stay in proportion below 1,000', async () => {
    const weights = async (...given: readonly number[]) =>
      (await dnsSource(names, servicesOf(...given.map((weight) => ({ weight })))).find(limits)).map(
        ({ weight }) => weight,
      )
    expect(await weights(3, 0, 1000)).toEqual([3, 0, 1000])
    expect(await weights(50_000, 25_000)).toEqual([1000, 500])
  })

  it('of a higher number than the lowest priority are spares', async () => {
    const records = servicesOf({ name: 'a', priority: 10 }, { name: 'b', priority: 20 }, { name: 'c', priority: 10 })
    expect((await dnsSource(names, records).find(limits)).map(({ host, reads }) => [host, reads])).toEqual([
      ['a', undefined],
      ['b', false],
      ['c', undefined],
    ])
  })

  it('with the root as their name say that there are no servers', async () => {
    expect(await dnsSource(names, servicesOf({ name: '' })).find(limits)).toEqual([])
  })
})
