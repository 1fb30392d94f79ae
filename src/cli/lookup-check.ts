import { connect, ConfigError, type Client, type Config, type LookupReport } from '../index.ts'
import type { Finding } from './check-report.ts'
import { closeSoon } from './close-soon.ts'
import { inTime } from './probe.ts'
import { lookOnlyConfig } from './probing-config.ts'
import { reachFailure } from './reach-failure.ts'

/** Rows of each shard that are looked at. */
const mostRows = 1_000

/** Compares rows of the looked-up columns with their entries. Never throws. */
export async function lookupFindings(config: Config, timeoutMs: number): Promise<readonly Finding[]> {
  const targets = Object.entries(config.tables ?? {}).flatMap(([table, entry]) =>
    typeof entry === 'string'
      ? []
      : Object.keys(entry.lookups ?? {}).map((column) => ({ table, column, database: entry.database })),
  )
  if (targets.length === 0) return []
  const client: Client = await connect(lookOnlyConfig(config, timeoutMs))
  const findings: Finding[] = []
  for (const { database, ...target } of targets) {
    const answer = await inTime(timeoutMs, async () => await client.lookups.check({ ...target, rows: mostRows }))
    const about = { database, tables: [target.table] }
    findings.push(
      ...('error' in answer ? [failureOf(answer.error, target)] : findingsOf(answer)).map((found) => ({
        ...about,
        ...found,
      })),
    )
  }
  await closeSoon([client])
  return findings
}

type Found = Pick<Finding, 'severity' | 'code' | 'message'>

function failureOf(error: unknown, { table, column }: { readonly table: string; readonly column: string }): Found {
  if (error instanceof ConfigError && error.path.endsWith('.type'))
    return { severity: 'error', code: 'lookup-unfit', message: error.message }
  const { message } = reachFailure(error)
  return {
    severity: 'warning',
    code: 'lookup-unreadable',
    message: `The lookup ${table}.${column} could not be checked: ${message}`,
  }
}

function findingsOf({ lookup, filled, rows, missing, wrong, doubles, examples }: LookupReport): readonly Found[] {
  if (!filled) {
    const message = `The lookup ${lookup} has not been filled, so that reads by it ask every shard. Call client.lookups.backfill().`
    return [{ severity: 'warning', code: 'lookup-not-filled', message }]
  }
  if (missing + wrong + doubles === 0) return []
  const message =
    `Of the ${rows} rows that were looked at for the lookup ${lookup}, ${missing} have no entry, and ${wrong} one that leads elsewhere: reads by it do not find them. ` +
    `${doubles} values are those of several rows. Shard keys of the first: ${examples.join(', ') || 'on one shard'}. Does something write past Signalbox? client.lookups.backfill() makes the entries.`
  return [{ severity: 'error', code: 'lookup-wrong', message }]
}
