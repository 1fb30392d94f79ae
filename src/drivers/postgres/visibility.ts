import { setTimeout as delay } from 'node:timers/promises'
import type { DriverRequest, DriverResult, VisibilityOptions } from '../driver.ts'

/** What a server says of its transactions at one moment. */
export interface TransactionPicture {
  /** Every transaction below has ended. */
  readonly xmin: bigint
  /** No transaction from here on has ended. */
  readonly xmax: bigint
  /** Those between that have not ended. */
  readonly running: readonly bigint[]
  /** No transaction from here on has begun to write. */
  readonly next: bigint
}

type Query = (request: DriverRequest) => Promise<DriverResult>

/**
 * A snapshot and the next transaction id, which has no function of its own: `age` counts from it, for whoever has no id
 * himself. The names of the functions are those before version 13, which all later ones know.
 */
const pictureText = `select pg_catalog.txid_current_snapshot()::text, pg_catalog.age('3'::xid)::text`

/** Those of the transactions that a standby has shown as committed; of those that it has not reached it says nothing. */
const shownText = `select id::text from pg_catalog.unnest($1::text[]::bigint[]) id
where case when id < pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())
  then pg_catalog.txid_status(id) = 'committed' end`

/** Ids are counted in so many bits; a snapshot puts the epoch before them. */
const idBits = 32
const pauseMs = 1
/** Cancelling a question costs more than its answer: only one that hangs is cancelled. */
const leastQueryMs = 1_000
/** More than this are not asked for one by one: waiting for all of them is as good. */
const mostAskedFor = 1_000
const mostWaitedFor = 100_000

/** Reads the answer to `pictureText`; `undefined` if it is none. */
export function readPicture([snapshot, age]: readonly (string | null)[] = []): TransactionPicture | undefined {
  const match = /^(\d+):(\d+):([\d,]*)$/.exec(snapshot ?? '')
  if (match === null || age == null || !/^-?\d+$/.test(age)) return undefined
  const [xmin, xmax] = [BigInt(match[1]!), BigInt(match[2]!)]
  const running = match[3] === '' ? [] : match[3]!.split(',').map(BigInt)
  // Without its epoch, and it is not below `xmax`: `age` looked later than the snapshot.
  const next = BigInt.asUintN(idBits, BigInt(age) + 3n)
  return { xmin, xmax, running, next: xmax + BigInt.asUintN(idBits, next - BigInt.asUintN(idBits, xmax)) }
}

/** Transactions that had begun, and that a read on this server does not show: running, or ending at this moment. */
export function unseen({ xmax, running, next }: TransactionPicture): readonly bigint[] {
  const seen = [...running]
  for (let id = xmax; id < next; id++) seen.push(id)
  return seen
}

/** Those of `ids` that a read on this server does not show yet. */
export function stillUnseen(ids: readonly bigint[], { xmin, xmax, running }: TransactionPicture): readonly bigint[] {
  const open = new Set(running)
  return ids.filter((id) => id >= xmin && (id >= xmax || open.has(id)))
}

/**
 * See `DriverPool.showsAll`. While a commit waits for the answer of a synchronous standby its transaction counts as running
 * on the primary, and shows on the standby already (`SyncRepWaitForLSN` comes before the transaction leaves the list of
 * those that run). So: which transactions does the primary not show at this moment, which of these has the standby shown,
 * and when have they ended here? Without the standby's word every one of them could be meant.
 */
export async function showsAll(query: Query, { replica, timeoutMs }: VisibilityOptions): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  const left = (): number => Math.max(leastQueryMs, Math.ceil(deadline - performance.now()))
  const first = await picture(query, left())
  if (first === undefined || first.next - first.xmax > mostWaitedFor) return false
  let ids = unseen(first)
  if (ids.length > 0 && ids.length <= mostAskedFor && replica !== undefined) {
    ids = await shownBy((request) => Promise.resolve(replica.query(request)), ids, left())
  }
  while (ids.length > 0) {
    if (performance.now() >= deadline) return false
    await delay(pauseMs)
    const now = await picture(query, left())
    if (now === undefined) return false
    ids = stillUnseen(ids, now)
  }
  return true
}

const request = { access: 'read', rowMode: 'array' } as const

async function picture(query: Query, timeoutMs: number): Promise<TransactionPicture | undefined> {
  const { rows } = await query({ ...request, sql: pictureText, params: [], timeoutMs })
  return readPicture((rows as readonly (readonly (string | null)[])[])[0])
}

/** All of them, if the standby cannot be asked. */
async function shownBy(query: Query, ids: readonly bigint[], timeoutMs: number): Promise<readonly bigint[]> {
  try {
    const { rows } = await query({ ...request, sql: shownText, params: [ids.map(String)], timeoutMs })
    return (rows as readonly (readonly string[])[]).map(([id]) => BigInt(id!))
  } catch {
    return ids
  }
}
