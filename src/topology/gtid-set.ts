/** Numbers of transactions, from 1, both ends included. */
export interface GtidInterval {
  readonly first: bigint
  readonly last: bigint
}

/**
 * MySQL's set of transactions: where they come from (`uuid`, or `uuid:tag`, in lower case) → which ones. The intervals of
 * each are in order, with at least one number missing between two of them, and there is one at least.
 */
export type GtidSet = ReadonlyMap<string, readonly GtidInterval[]>

export const gtidSetLimits = {
  /**
   * Of one set, over all its sources. A server that has more (gaps that stay, hundreds of former primaries) counts as one
   * without a position: what is remembered of it, and compared with each answer, must stay small.
   */
  intervals: 256,
  /** Of the text of a set. */
  characters: 32_768,
  /** MySQL's own: a number has 63 bits. */
  number: 0x7fff_ffff_ffff_ffffn,
} as const

const uuidForm = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/
/** Tags since MySQL 8.3; https://dev.mysql.com/doc/refman/8.4/en/replication-gtids-concepts.html */
const tagForm = /^[a-z_][a-z\d_]{0,31}$/
const intervalForm = /^([1-9]\d{0,18})(?:-([1-9]\d{0,18}))?$/

/**
 * MySQL's text of a set: `uuid:1-3:11:47-49`, with tags `uuid:1-3:tag:5-7`, several of them separated by commas, the
 * empty text for the empty set. In any case, and with white space around each part: MySQL breaks lines behind its commas.
 * `undefined` for anything else, and for a set beyond `gtidSetLimits`.
 */
export function parseGtidSet(text: string): GtidSet | undefined {
  const found = new Map<string, GtidInterval[]>()
  if (text.length > gtidSetLimits.characters) return undefined
  if (text.trim() === '') return found
  for (const item of text.toLowerCase().split(',')) {
    const [uuid = '', ...parts] = item.split(':').map((part) => part.trim())
    if (!isGtidSource(uuid) || parts.length === 0) return undefined
    let source = uuid
    let isOpen = false
    for (const part of parts) {
      const interval = parseInterval(part)
      if (interval !== undefined) {
        const known = found.get(source)
        if (known === undefined) found.set(source, [interval])
        else known.push(interval)
        isOpen = false
        continue
      }
      source = `${uuid}:${part}`
      if (isOpen || !isGtidSource(source)) return undefined
      // A tag holds for the intervals that follow, and there must be one.
      isOpen = true
    }
    if (isOpen) return undefined
  }
  return limited(new Map([...found].map(([source, intervals]) => [source, joined(intervals)])))
}

/**
 * MySQL's text of the transactions that are being committed (`gtid_owned`): each number with the thread that owns it, and
 * nothing between two sources (`uuid:5#12:6#13uuid:1#14`; `Owned_gtids::to_string` in MySQL's sql/rpl_gtid.h).
 * The text of a set is understood as well. `undefined` as of `parseGtidSet`.
 */
export function parseOwnedGtids(text: string): GtidSet | undefined {
  // A UUID begins eight digits before its first hyphen, whatever thread stands before it.
  const items = text.toLowerCase().replaceAll(/,?([\da-f]{8}(?:-[\da-f]{4}){3}-)/g, ',$1')
  return parseGtidSet(items.replaceAll(/#\d+/g, '').replace(/^,/, ''))
}

/** A set as MySQL understands it, the same for equal sets: each source by itself, in the order of their texts. */
export function formatGtidSet(set: GtidSet): string {
  return [...set]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, intervals]) => `${source}:${intervals.map(formatInterval).join(':')}`)
    .join(',')
}

/** Whether every transaction of `part` is in `whole`. */
export function hasGtids(whole: GtidSet, part: GtidSet): boolean {
  for (const [source, wanted] of part) {
    const known = whole.get(source)
    if (known === undefined || !wanted.every((each) => known.some((one) => isWithin(each, one)))) return false
  }
  return true
}

/** What is in either of two sets; `undefined` if that is beyond `gtidSetLimits`. */
export function uniteGtidSets(a: GtidSet, b: GtidSet): GtidSet | undefined {
  const union = new Map(a)
  for (const [source, intervals] of b) {
    const known = union.get(source)
    union.set(source, known === undefined ? intervals : joined([...known, ...intervals]))
  }
  return limited(union)
}

/** `uuid`, or `uuid:tag`, as the keys of a set are written. */
export function isGtidSource(text: string): boolean {
  const [uuid = '', tag, ...more] = text.split(':')
  return uuidForm.test(uuid) && (tag === undefined || tagForm.test(tag)) && more.length === 0
}

function parseInterval(text: string): GtidInterval | undefined {
  const match = intervalForm.exec(text)
  if (match === null) return undefined
  const first = BigInt(match[1] ?? '')
  const last = match[2] === undefined ? first : BigInt(match[2])
  return last < first || last > gtidSetLimits.number ? undefined : { first, last }
}

function formatInterval({ first, last }: GtidInterval): string {
  return first === last ? `${first}` : `${first}-${last}`
}

function isWithin(part: GtidInterval, whole: GtidInterval): boolean {
  return whole.first <= part.first && part.last <= whole.last
}

/** In order, and those that overlap or touch made one. */
function joined(intervals: readonly GtidInterval[]): readonly GtidInterval[] {
  const result: GtidInterval[] = []
  for (const next of intervals.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = result.at(-1)
    if (before === undefined || next.first > before.last + 1n) result.push(next)
    else if (next.last > before.last) result[result.length - 1] = { first: before.first, last: next.last }
  }
  return result
}

function limited(set: GtidSet): GtidSet | undefined {
  let count = 0
  for (const intervals of set.values()) count += intervals.length
  return count > gtidSetLimits.intervals ? undefined : set
}
