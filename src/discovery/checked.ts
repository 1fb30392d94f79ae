import type { FoundServer } from '../topology/discovery.ts'

/** What a source that is not ours said, checked. Throws, naming what is wrong. */
export function checkedServers(value: unknown): readonly FoundServer[] {
  if (!Array.isArray(value)) throw new TypeError('It gave no list of servers.')
  return value.map((one: unknown, index) => {
    const fault = faultOf(one)
    if (fault !== undefined) throw new TypeError(`Its server ${index} ${fault}.`)
    return one as FoundServer
  })
}

/** A URL would take what stands before or behind one of these for something else, and the server would be another one. */
const strange = /[\s/@?#\\,]/

function faultOf(one: unknown): string | undefined {
  if (typeof one !== 'object' || one === null) return 'is no object'
  const { host, port, tags = [], weight = 1, reads = true } = one as Readonly<Record<string, unknown>>
  if (typeof host !== 'string' || host === '' || strange.test(host)) return 'has no host'
  if (!URL.canParse(`http://${host.includes(':') ? `[${host}]` : host}`)) return 'has no host'
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    return 'has no port from 1 to 65535'
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) return 'has tags that are no list of texts'
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1_000)) return 'has a weight that is not from 0 to 1000'
  return typeof reads === 'boolean' ? undefined : 'has a "reads" that is neither true nor false'
}
