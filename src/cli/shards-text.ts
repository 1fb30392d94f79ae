import { barText } from './bar-text.ts'
import { byteText } from './byte-text.ts'
import type { Part, ShardsReport, SpreadReport } from './shards-report.ts'
import { counted, tableText } from './table-text.ts'
import type { Terminal } from './terminal.ts'
import { wrap } from './wrap.ts'

const barColumns = 30
const whole = 'all'

/** The answer of `shards` for people: of each database the tables, its shards, what failed, and a line that sums up. */
export function shardsText({ databases, estimated }: ShardsReport, terminal: Terminal): string {
  return `${databases.map((database) => spreadText(database, estimated, terminal)).join('\n\n')}\n`
}

function spreadText(spread: SpreadReport, estimated: boolean, terminal: Terminal): string {
  const { database, shards, tables, map, buckets } = spread
  const size = buckets === null ? '' : ` of ${grouped(buckets)} buckets`
  const kind = map === null ? 'no shard map' : `${map} map${size}`
  const title = `${terminal.style('bold', database)}: ${counted(shards.length, 'shard')}, ${kind}`
  const head = ['TABLE', 'SHARD', estimated ? 'ROWS (ESTIMATED)' : 'ROWS', 'SIZE', 'SHARE']
  const parts = [...tables, { table: whole, shards }].flatMap(({ table, shards: its }) =>
    its.map((part, index) => ({ name: index === 0 ? table : '', part, most: largestShare(its) })),
  )
  const ofDirectory = map === 'directory'
  const owned = new Map(shards.map((shard) => [shard, ownedText(shard, ofDirectory)]))
  const what = ofDirectory ? ['KEYS'] : buckets === null ? [] : ['BUCKETS']
  const columns = alignedRight([
    parts.map(({ part }) => (part.rows === null ? '?' : grouped(part.rows))),
    parts.map(({ part }) => (part.bytes === null ? '?' : byteText(part.bytes))),
    parts.map(({ part }) => (part.share === null ? '' : `${(part.share * 100).toFixed(1)} %`)),
    parts.map(({ part }) => owned.get(part as SpreadReport['shards'][number]) ?? ''),
  ])
  const rows = parts.map(({ name, part, most }, row) => [
    name,
    part.shard,
    ...columns.slice(0, 3).map((cells) => cells[row] ?? ''),
    ...(what.length === 0 ? [] : [columns[3]?.[row] ?? '']),
    part.failure === null
      ? terminal.style('cyan', barText(most === 0 ? 0 : (part.share ?? 0) / most, barColumns))
      : terminal.style('red', 'failed'),
  ])
  const titles = [...head, ...what, '']
  const failures = tables.length === 0 ? shards : [...tables.flatMap((table) => table.shards), ...shards]
  const said = [...new Set(failures.flatMap((part) => failureText(part, terminal)))]
  return [
    title,
    tableText(titles, rows, terminal),
    ...(said.length === 0 ? [] : [said.join('\n')]),
    summary(spread, terminal),
  ].join('\n\n')
}

/** What a shard owns, of what its map counts. */
function ownedText({ buckets, keys }: SpreadReport['shards'][number], ofDirectory: boolean): string {
  if (ofDirectory) return keys === null ? '?' : grouped(keys)
  return buckets === null ? '' : grouped(buckets)
}

function largestShare(parts: readonly Part[]): number {
  return Math.max(...parts.map(({ share }) => share ?? 0))
}

function failureText({ shard, failure }: Part, terminal: Terminal): readonly string[] {
  if (failure === null) return []
  const text = `The shard ${shard} failed (${failure.kind}): ${failure.message}`
  return [`${terminal.style('red', '✗')} ${wrap(text, terminal.columns, '  ').trimStart()}`]
}

function summary({ database, shards, skew, tables }: SpreadReport, terminal: Terminal): string {
  if (tables.length === 0) return terminal.style('yellow', `"${database}" has no sharded table that could be asked.`)
  const known = shards.filter(({ rows }) => rows !== null).sort((one, other) => (one.rows ?? 0) - (other.rows ?? 0))
  const [smallest, largest] = [known[0], known.at(-1)]
  if (skew === null || smallest === undefined || largest === undefined) {
    const why = shards.length === known.length ? 'there are no rows' : 'the rows of not all shards are known'
    return terminal.style('yellow', `No skew can be told: ${why}.`)
  }
  return (
    `Largest: ${largest.shard} with ${grouped(largest.rows ?? 0)} rows, smallest: ${smallest.shard} with ` +
    `${grouped(smallest.rows ?? 0)} rows; skew ${skew.toFixed(2)} (largest by average; 1.00 is even).`
  )
}

function alignedRight(columns: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return columns.map((cells) => {
    const width = Math.max(...cells.map(({ length }) => length))
    return cells.map((cell) => cell.padStart(width))
  })
}

function grouped(count: number): string {
  return count.toLocaleString('en')
}
