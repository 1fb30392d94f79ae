import type { FoundServer } from './source.ts'

/** Patroni's own tags are orders to Patroni, and say nothing about what a server is for. */
const ownTags: ReadonlySet<string> = new Set([
  'clonefrom',
  'failover_priority',
  'nofailover',
  'noloadbalance',
  'nosync',
  'nostream',
  'replicatefrom',
  'sync_priority',
])

/**
 * The servers in an answer to `GET /cluster`. A member without a host has not said yet where it is, and is left out.
 *
 * @throws Error if the text is no such answer, saying what is wrong with it.
 */
export function parseMembers(text: string): readonly FoundServer[] {
  const answer = parseJson(text)
  if (!isRecord(answer) || !Array.isArray(answer['members'])) throw new Error('its answer has no list of members')
  return answer['members'].flatMap((member: unknown) => serverOf(member))
}

function serverOf(member: unknown): FoundServer[] {
  if (!isRecord(member)) throw new Error('a member in its answer is no object')
  const { host, port = 5432, tags = {} } = member
  if (host === undefined || host === null) return []
  const name = shown(member['name'])
  // No address and no name of a host holds one of these characters.
  if (typeof host !== 'string' || !/^[^\s/@?#,]{1,255}$/.test(host)) {
    throw new Error(`the host of its member ${name} is ${shown(host)}`)
  }
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`the port of its member ${name} is ${shown(port)}`)
  }
  if (!isRecord(tags)) throw new Error(`the tags of its member ${name} are ${shown(tags)}`)
  const own = tagsOf(tags)
  return [
    {
      host,
      port,
      ...(own.length === 0 ? {} : { tags: own }),
      // As Patroni reads it: everything that is true in Python.
      ...(tags['noloadbalance'] ? { reads: false } : {}),
    },
  ]
}

function tagsOf(tags: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(tags).flatMap(([name, value]) => {
    if (ownTags.has(name)) return []
    if (value === true) return [name]
    return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [`${name}=${value}`] : []
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('its answer is not JSON')
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value for a message, never longer than a line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
