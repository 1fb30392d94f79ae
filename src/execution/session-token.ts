import { createHmac, timingSafeEqual } from 'node:crypto'
import { gtidSetLimits, isGtidSource, type GtidInterval, type GtidSet } from '../topology/gtid-set.ts'
import { mergePositions, type GtidEntry, type Position } from '../topology/position.ts'

/** How far a session has come in the log of one shard: what it wrote and read is at or before `position`. */
export interface TokenEntry {
  readonly database: string
  readonly shard: string
  /** `undefined`: written at a position that nobody knows, so only the primary is known to have it. */
  readonly position: Position | undefined
}

/**
 * Why a token was not accepted. `malformed`: no token at all, or one that is too long or comes from the future;
 * `version`: written by another version of Signalbox; `signature`: by nobody who has one of the keys; `expired`: genuine,
 * but too old.
 */
export type TokenFault = 'malformed' | 'version' | 'signature' | 'expired'

export const tokenLimits = {
  /** Databases and shards in one token. */
  entries: 64,
  /** Of the whole token, all of them ASCII. */
  characters: 4096,
  /**
   * Of one set of GTIDs (MySQL); one that takes more is left out, as a position that nobody knows. Enough for 20 primaries,
   * former ones included, or for one and 80 gaps.
   */
  setBytes: 512,
  /** By how far the clocks of two processes may differ. */
  clockSkewMs: 5 * 60_000,
  /**
   * Age up to which a token counts that was kept on purpose, with a job in a queue for instance, where `tokens.maxAgeMs`
   * is less: what it says stays true, and costs nothing once the replicas are past it.
   */
  keptMs: 86_400_000,
} as const

const prefix = 's1.'
const signatureBytes = 16
const uuidBytes = 16
const form = /^s1\.[\w-]+\.[\w-]{22}$/

const greatest32 = 0xffff_ffffn
const greatest64 = 0xffff_ffff_ffff_ffffn

/**
 * What a session must remember, as a text for cookies, headers, URLs and jobs: `s1.‹content›.‹signature›`. Whoever holds
 * it can read it (names of databases and shards, positions), but not change it.
 *
 * The first key signs. `issuedAt`: milliseconds since the epoch. Entries of the same shard are merged.
 *
 * Throws a RangeError if there is no key, a number is out of its range, or the entries exceed `tokenLimits`: leaving some
 * of them out would be a stale read later. Sets of GTIDs that take too much room become unknown positions: those of more
 * than `tokenLimits.setBytes`, and all of them where the token would be too long otherwise.
 */
export function encodeToken(entries: readonly TokenEntry[], keys: readonly string[], issuedAt: number): string {
  const [key] = keys
  if (key === undefined) throw new RangeError('a session token needs a key to be signed with')
  const merged = mergeEntries(entries, [])
  if (merged.length > tokenLimits.entries) {
    throw new RangeError(`a session token holds up to ${tokenLimits.entries} shards, and there are ${merged.length}`)
  }
  const full = signedToken(merged, key, issuedAt)
  const token = full.length > tokenLimits.characters ? signedToken(withoutSets(merged), key, issuedAt) : full
  if (token.length > tokenLimits.characters) {
    throw new RangeError(`a session token has up to ${tokenLimits.characters} characters, and this has ${token.length}`)
  }
  return token
}

function signedToken(entries: readonly TokenEntry[], key: string, issuedAt: number): string {
  const signed = prefix + Buffer.from(contentOf(entries, issuedAt)).toString('base64url')
  return `${signed}.${signatureOf(signed, key)}`
}

function withoutSets(entries: readonly TokenEntry[]): readonly TokenEntry[] {
  return entries.map((entry) => (entry.position?.kind === 'gtid-set' ? { ...entry, position: undefined } : entry))
}

/** What a genuine token says. */
export interface TokenContent {
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  readonly entries: readonly TokenEntry[]
}

/**
 * What a token says that one of the keys has signed, however old it is; see `TokenReader`. Tokens come from strangers:
 * whatever it is given, this throws nothing.
 */
export function verifyToken(token: unknown, keys: readonly string[]): TokenContent | { readonly fault: TokenFault } {
  if (typeof token !== 'string' || token.length > tokenLimits.characters) return { fault: 'malformed' }
  if (!form.test(token)) return { fault: /^s(?!1\.)\d{1,4}\./.test(token) ? 'version' : 'malformed' }
  const end = token.lastIndexOf('.')
  const [signed, signature] = [token.slice(0, end), token.slice(end + 1)]
  if (!keys.some((key) => isSame(signatureOf(signed, key), signature))) return { fault: 'signature' }
  return readContent(Buffer.from(signed.slice(prefix.length), 'base64url')) ?? { fault: 'malformed' }
}

/** The same content, unless it was issued more than `maxAgeMs` before `now` (milliseconds since the epoch), or after it. */
export function inTime(
  content: TokenContent,
  now: number,
  maxAgeMs: number,
): TokenContent | { readonly fault: TokenFault } {
  // In this form, an age that is not a number is refused as well.
  const age = now - content.issuedAt
  if (!(age >= -tokenLimits.clockSkewMs)) return { fault: 'malformed' }
  return age <= maxAgeMs ? content : { fault: 'expired' }
}

/**
 * What a session remembers that has seen both: for each shard the position that has reached both. Where they are
 * incomparable, or one is unknown, it is unknown. One entry for each shard, in the order of the names.
 */
export function mergeEntries(a: readonly TokenEntry[], b: readonly TokenEntry[]): readonly TokenEntry[] {
  const merged = new Map<string, TokenEntry>()
  for (const entry of [...a, ...b]) {
    const { database, shard, position } = entry
    const name = JSON.stringify([database, shard])
    const other = merged.get(name)
    merged.set(
      name,
      other === undefined ? entry : { database, shard, position: mergedPosition(other.position, position) },
    )
  }
  return [...merged.values()].toSorted((x, y) => inOrder(x.database, y.database) || inOrder(x.shard, y.shard))
}

function mergedPosition(a: Position | undefined, b: Position | undefined): Position | undefined {
  return a === undefined || b === undefined ? undefined : mergePositions(a, b)
}

function inOrder(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function signatureOf(signed: string, key: string): string {
  return createHmac('sha256', key).update(signed).digest().subarray(0, signatureBytes).toString('base64url')
}

// Compared as texts: the last character of a signature has bits to spare, and a token must have one spelling only.
function isSame(expected: string, given: string): boolean {
  return expected.length === given.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given))
}

// The content: issuedAt, the number of entries, and for each one its kind, the database, the shard and the position.
// Whole numbers have seven bits in each byte, the lowest first; the eighth bit says that there is more.

const kinds = { unknown: 0n, lsn: 1n, gtid: 2n, 'gtid-set': 3n } as const

function contentOf(entries: readonly TokenEntry[], issuedAt: number): readonly number[] {
  const bytes: number[] = []
  writeNumber(bytes, BigInt(Math.floor(issuedAt)), greatest64)
  writeNumber(bytes, BigInt(entries.length), greatest32)
  for (const { database, shard, position } of entries) {
    const written = position && positionBytes(position)
    const isKnown = written !== undefined && !(position?.kind === 'gtid-set' && written.length > tokenLimits.setBytes)
    writeNumber(bytes, isKnown && position !== undefined ? kinds[position.kind] : kinds.unknown, greatest32)
    writeName(bytes, database)
    writeName(bytes, shard)
    if (isKnown) for (const byte of written) bytes.push(byte)
  }
  return bytes
}

function positionBytes(position: Position): readonly number[] {
  const bytes: number[] = []
  if (position.kind === 'lsn') {
    writeNumber(bytes, BigInt(position.timeline), greatest32)
    writeNumber(bytes, position.lsn, greatest64)
  } else if (position.kind === 'gtid') {
    writeNumber(bytes, BigInt(position.domains.size), greatest32)
    for (const [domain, { server, sequence }] of position.domains) {
      writeNumber(bytes, BigInt(domain), greatest32)
      writeNumber(bytes, BigInt(server), greatest32)
      writeNumber(bytes, sequence, greatest64)
    }
  } else {
    writeNumber(bytes, BigInt(position.transactions.size), greatest32)
    for (const [source, intervals] of position.transactions) writeSource(bytes, source, intervals)
  }
  return bytes
}

/** The sixteen bytes of the UUID, the tag, and how far it is from each end of an interval to the next. */
function writeSource(bytes: number[], source: string, intervals: readonly GtidInterval[]): void {
  const [uuid = '', tag = ''] = source.split(':')
  if (!isGtidSource(source)) throw new RangeError(`${JSON.stringify(source)} is no source of GTIDs`)
  for (const byte of Buffer.from(uuid.replaceAll('-', ''), 'hex')) bytes.push(byte)
  writeName(bytes, tag)
  writeNumber(bytes, BigInt(intervals.length), greatest32)
  let end = 0n
  for (const { first, last } of intervals) {
    writeNumber(bytes, first - end, gtidSetLimits.number)
    writeNumber(bytes, last - first, gtidSetLimits.number)
    end = last
  }
}

function writeNumber(bytes: number[], value: bigint, greatest: bigint): void {
  if (value < 0n || value > greatest) throw new RangeError(`${value} is not from 0 to ${greatest}`)
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
}

/** The lowest bit of the length tells the encoding: UTF-8 has no form for half a surrogate pair. */
function writeName(bytes: number[], name: string): void {
  const isWellFormed = name.isWellFormed()
  const encoded = Buffer.from(name, isWellFormed ? 'utf8' : 'utf16le')
  writeNumber(bytes, BigInt(encoded.length * 2 + (isWellFormed ? 0 : 1)), greatest32)
  for (const byte of encoded) bytes.push(byte)
}

/** `undefined` for bytes that are no content: signed with one of the keys, but by another program. */
function readContent(bytes: Buffer): TokenContent | undefined {
  const reader = new ContentReader(bytes)
  const issuedAt = Number(reader.number(greatest64))
  const count = reader.number(BigInt(tokenLimits.entries))
  const entries: TokenEntry[] = []
  while (!reader.isBroken && entries.length < count) entries.push(reader.entry())
  return reader.isBroken || !reader.isAtEnd ? undefined : { issuedAt, entries }
}

/** Reads what is there; after the first fault everything is zero or empty, and `isBroken` says so. */
class ContentReader {
  readonly #bytes: Buffer
  #at = 0
  #isBroken = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  entry(): TokenEntry {
    const kind = this.number(kinds['gtid-set'])
    const [database, shard] = [this.#name(), this.#name()]
    return { database, shard, position: this.#position(kind) }
  }

  number(greatest: bigint): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n && !this.#isBroken; shift += 7n) {
      const byte = this.#bytes[this.#at] ?? this.#break()
      this.#at += 1
      value |= BigInt(byte & 0x7f) << shift
      if (byte <= 0x7f) return value <= greatest ? value : BigInt(this.#break())
    }
    return BigInt(this.#break())
  }

  #name(): string {
    const size = Number(this.number(greatest32))
    const [start, end] = [this.#at, this.#at + Math.floor(size / 2)]
    if (end > this.#bytes.length) this.#break()
    this.#at = end
    return this.#isBroken ? '' : this.#bytes.toString(size % 2 === 0 ? 'utf8' : 'utf16le', start, end)
  }

  #position(kind: bigint): Position | undefined {
    if (kind === kinds.unknown) return undefined
    if (kind === kinds.lsn) {
      return { kind: 'lsn', timeline: Number(this.number(greatest32)), lsn: this.number(greatest64) }
    }
    if (kind === kinds['gtid-set']) return { kind: 'gtid-set', transactions: this.#transactions() }
    const count = this.number(greatest32)
    const domains = new Map<number, GtidEntry>()
    while (!this.#isBroken && domains.size < count) {
      const domain = Number(this.number(greatest32))
      if (domains.has(domain)) this.#break()
      domains.set(domain, { server: Number(this.number(greatest32)), sequence: this.number(greatest64) })
    }
    return { kind: 'gtid', domains }
  }

  #transactions(): GtidSet {
    const count = this.number(BigInt(gtidSetLimits.intervals))
    const set = new Map<string, readonly GtidInterval[]>()
    while (!this.#isBroken && set.size < count) {
      const source = this.#source()
      if (!isGtidSource(source) || set.has(source)) this.#break()
      set.set(source, this.#intervals())
    }
    return set
  }

  #source(): string {
    const start = this.#at
    this.#at += uuidBytes
    if (this.#at > this.#bytes.length) this.#break()
    const uuid = this.#bytes.toString('hex', start, this.#at).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    const tag = this.#name()
    return tag === '' ? uuid : `${uuid}:${tag}`
  }

  #intervals(): readonly GtidInterval[] {
    const count = this.number(BigInt(gtidSetLimits.intervals))
    if (count === 0n) this.#break()
    const intervals: GtidInterval[] = []
    let end = 0n
    while (!this.#isBroken && intervals.length < count) {
      const gap = this.number(gtidSetLimits.number)
      const first = end + gap
      end = first + this.number(gtidSetLimits.number)
      // From 1; and intervals that touch are one.
      if (gap < (intervals.length === 0 ? 1n : 2n) || end > gtidSetLimits.number) this.#break()
      intervals.push({ first, last: end })
    }
    return intervals
  }

  #break(): number {
    this.#isBroken = true
    return 0
  }
}
