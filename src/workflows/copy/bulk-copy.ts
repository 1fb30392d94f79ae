import { locate } from '../../errors.ts'
import { quotedName, quotedTable, quotedText } from '../../statement/quotes.ts'
import type { TableName } from '../../topology/table-map.ts'
import type { TablePair } from './column-pairs.ts'
import { CopyMismatchError } from './errors.ts'
import type { Place } from './place.ts'
import { formatPosition, parsePosition, type CopyPosition, type RowChoice } from './row-reader.ts'
import { conflictOf, type CopyPolicy } from './conflict.ts'

/** Built-in types whose binary form all servers share. */
const binary: ReadonlySet<string> = new Set(
  (
    'boolean,smallint,integer,bigint,numeric,real,double precision,text,character varying,character,bytea,date,time without time zone,' +
    'time with time zone,timestamp without time zone,timestamp with time zone,interval,uuid,json,jsonb'
  ).split(','),
)
/** Their order hangs on the collation, which may be another one on the other server. */
const collated: ReadonlySet<string> = new Set(['text', 'character varying', 'character', 'name', 'citext', 'enum'])

/** What was copied at a time. */
export interface BulkPart {
  readonly read: number
  readonly checksum: bigint
  readonly position: CopyPosition | undefined
  readonly isLast: boolean
}

/** Whether rows can go from server to server as they are, in the servers' own bulk form, without being looked at. */
export function canBulk(
  source: Place,
  target: Place,
  { pairs }: TablePair,
  choice: RowChoice,
  policy: CopyPolicy,
): boolean {
  // The statement takes no parameters.
  const isPlain = policy === 'error' && choice.keys === undefined && choice.params.length === 0
  return (
    isPlain &&
    pairs.every(({ isSame }) => isSame) &&
    source.engine === 'postgres' &&
    target.engine === 'postgres' &&
    source.lease.copyOut !== undefined &&
    target.lease.copyIn !== undefined
  )
}

/** Copies rows from one PostgreSQL server to another, in the transactions that are open on both. */
export class BulkCopy {
  readonly #source: Place
  readonly #target: Place
  readonly #from: string
  readonly #to: string
  readonly #pair: TablePair
  readonly #where: string | undefined
  readonly #verify: boolean
  readonly #names: { readonly source: readonly string[]; readonly target: readonly string[] }
  readonly #keys: { readonly source: string; readonly target: string }

  constructor(
    [source, target]: readonly [Place, Place],
    table: TableName,
    pair: TablePair,
    { where, verify }: { readonly where: string | undefined; readonly verify: boolean },
  ) {
    this.#source = source
    this.#target = target
    this.#from = quotedTable('postgres', table)
    this.#to = this.#from
    this.#pair = pair
    this.#where = where
    this.#verify = verify
    const { pairs, key } = pair
    const names = (all: TablePair['pairs'], side: 'from' | 'to'): string[] =>
      all.map((each) => quotedName('postgres', each[side].name))
    this.#names = { source: names(pairs, 'from'), target: names(pairs, 'to') }
    this.#keys = { source: rowText(names(key, 'from')), target: rowText(names(key, 'to')) }
  }

  /** `limit`: how many rows at most; `undefined`: all of them. `onRows` is told how many have passed so far. */
  async copy(
    after: CopyPosition | undefined,
    limit: number | undefined,
    onRows: (rows: number) => void,
  ): Promise<BulkPart> {
    const conditions = this.#where === undefined ? [] : [`(${this.#where})`]
    if (after !== undefined) conditions.push(`${this.#keys.source} > ${literalRow(after)}`)
    const end = limit === undefined ? undefined : await this.#end(conditions, limit)
    if (end !== undefined) conditions.push(`${this.#keys.source} <= ${literalRow(end)}`)
    const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
    const read = await this.#pass(where, onRows)
    const checksum = this.#verify ? await this.#checked(where, read) : 0n
    return { read, checksum, position: end ?? after, isLast: end === undefined }
  }

  /** The key of the last of so many rows; `undefined` if there are fewer. */
  async #end(conditions: readonly string[], limit: number): Promise<CopyPosition | undefined> {
    const where = conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
    return await this.#keyAt(`${where} order by ${this.#order('')} offset ${limit - 1} limit 1`)
  }

  async #keyAt(tail: string): Promise<CopyPosition | undefined> {
    const items = this.#pair.key.map(({ source }) => source.read).join(', ')
    const { rows } = await this.#source.query(`select ${items} from ${this.#from}${tail}`)
    return rows[0] === undefined ? undefined : formatPosition(rows[0].map(String))
  }

  #order(direction: '' | ' desc'): string {
    return this.#pair.key.map(({ from }) => `${quotedName('postgres', from.name)}${direction}`).join(', ')
  }

  async #pass(where: string, onRows: (rows: number) => void): Promise<number> {
    const form = this.#pair.pairs.every(({ from }) => binary.has(from.base)) ? ' (format binary)' : ''
    const { signal } = this.#source.limits
    const out = `copy (select ${this.#names.source.join(', ')} from ${this.#from}${where}) to stdout${form}`
    const into = `copy ${this.#to} (${this.#names.target.join(', ')}) from stdin${form}`
    const blocks = this.#source.lease.copyOut!({ sql: out, params: [], access: 'read', signal })
    const source = this.#source.database
    async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
      let count = 0
      try {
        for await (const { bytes, rows } of blocks) {
          count += rows
          onRows(count)
          yield bytes
        }
      } catch (error) {
        throw locate(error, { database: source })
      }
    }
    const target = this.#target
    try {
      return await target.located(() =>
        target.lease.copyIn!({ sql: into, params: [], access: 'write', signal }, counted()),
      )
    } catch (error) {
      throw conflictOf(error, target, this.#pair.name, 'error')
    }
  }

  /** The sum over the rows, after both servers have calculated the same. */
  async #checked(where: string, count: number): Promise<bigint> {
    const bounds = await this.#bounds(where)
    const hashes = await this.#hashes()
    // Rows of this very transaction: others may be there as well.
    const own = ['xmin = (txid_current() % 4294967296)::text::xid', ...bounds].join(' and ')
    const sums = await Promise.all([
      sumOf(this.#source, hashes(this.#names.source), `${this.#from}${where}`),
      sumOf(this.#target, hashes(this.#names.target), `${this.#to} where ${own}`),
    ])
    const [here, there] = sums
    if (here.sum === there.sum && here.rows === there.rows && here.rows === count) return here.sum
    const { database } = this.#target
    const shown = sums.map(({ rows, sum }) => `${rows} rows with the sum ${sum.toString(16)}`)
    throw new CopyMismatchError(
      `${this.#pair.name} has ${shown[0]} in "${this.#source.database}", and ${shown[1]} were written to "${database}", where ${count} were sent. They were rolled back. ` +
        'A trigger or a rule may have changed them.',
      { table: this.#pair.name, expected: shown[0]!, found: shown[1]! },
      { database },
    )
  }

  /** Between which keys the rows are on the other server, so that it need not look at all others. */
  async #bounds(where: string): Promise<readonly string[]> {
    if (this.#pair.key.some(({ from }) => collated.has(from.base))) return []
    const first = await this.#keyAt(`${where} order by ${this.#order('')} limit 1`)
    const last = await this.#keyAt(`${where} order by ${this.#order(' desc')} limit 1`)
    if (first === undefined || last === undefined) return []
    return [`${this.#keys.target} >= ${literalRow(first)}`, `${this.#keys.target} <= ${literalRow(last)}`]
  }

  /** What adds a row up on both servers alike: over the values where both are of one version, over their texts elsewhere. */
  async #hashes(): Promise<(names: readonly string[]) => string> {
    const versions = await Promise.all(
      [this.#source, this.#target].map(async (place) => {
        const { rows } = await place.query("select current_setting('server_version_num')")
        return Math.floor(Number(rows[0]?.[0]) / 10_000)
      }),
    )
    const [here = 0, there = 0] = versions
    const hashed = this.#pair.pairs.every(({ from }) => binary.has(from.base) && from.base !== 'json')
    return here === there && here >= 14 && hashed
      ? (names) => `hash_record_extended(row(${names.join(', ')}), 0)`
      : (names) => `('x' || substr(md5(row(${names.join(', ')})::text), 1, 16))::bit(64)::bigint`
  }
}

async function sumOf(
  place: Place,
  hash: string,
  from: string,
): Promise<{ readonly rows: number; readonly sum: bigint }> {
  const { rows } = await place.query(`select count(*), coalesce(sum(${hash}), 0) from ${from}`)
  return { rows: Number(rows[0]?.[0]), sum: BigInt.asUintN(64, BigInt(String(rows[0]?.[1]))) }
}

function rowText(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `(${names.join(', ')})`
}

function literalRow(position: CopyPosition): string {
  return rowText(parsePosition(position).map((value) => quotedText('postgres', String(value))))
}
