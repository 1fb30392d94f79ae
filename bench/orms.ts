import assert from 'node:assert/strict'
import { connect } from 'signalbox'
import { startMariadb, startPostgres } from 'signalbox/testing'
import { singlePrismaTool } from '../test/orms/tools/prisma.ts'
import { judged, timeInTurns, type Comparison } from './measure.ts'
import { OrmProcess, rows, toolsOn, type RoundAsked, type SideAsked } from './orm-process.ts'
import { useProcessor } from './processors.ts'

/**
 * These ask the pool itself for what is not part of a transaction; the others lease a client for it. Not Prisma's `findUnique`: it makes one
 * statement of all those of one moment, so that 32 callers are one.
 */
const askPool: ReadonlySet<string> = new Set(['Drizzle 0.45', 'Drizzle 1.0', singlePrismaTool.name])

/** Two processes of one tool are not equally quick, whatever runs in them: how code was compiled, and where memory lies, stays for their lives. */
const pairs = 3
const roundsOfPair = 9

type Place = Pick<SideAsked, 'engine' | 'url'>

/** Each query tool on Signalbox against itself on the bare driver, on a primary alone. `names`: how those begin that are wanted. */
export async function benchOrms(scale: number, names: readonly string[] = ['']): Promise<readonly Comparison[]> {
  const wanted = (tools: readonly { readonly name: string }[]): readonly string[] =>
    tools.map(({ name }) => name).filter((name) => names.some((beginning) => name.startsWith(beginning)))
  const [onPostgres, onMariadb] = [wanted(toolsOn.postgres), wanted(toolsOn.mariadb)]
  const known = [...toolsOn.postgres, ...toolsOn.mariadb].map(({ name }) => name)
  assert.ok(onPostgres.length + onMariadb.length > 0, `The tools are: ${known.join('; ')}.`)
  // What is started from here on inherits it; each client is moved by itself.
  if (!useProcessor('server', process.pid))
    console.log('Clients and servers share all processors here: the figures of --engine orms vary more.')
  return [...(await benchOnPostgres(scale, onPostgres)), ...(await benchOnMariadb(scale, onMariadb))]
}

async function benchOnPostgres(scale: number, tools: readonly string[]): Promise<readonly Comparison[]> {
  if (tools.length === 0) return []
  await using server = await startPostgres()
  const url = server.dsn()
  await using client = await connect(url)
  await client.query('create table product (id integer primary key, name text not null, stock integer not null)')
  await client.query("insert into product select n, 'product ' || n, 0 from generate_series(1, $1::integer) n", [rows])
  await client.query('vacuum analyze product')
  return await benchTools(scale, tools, { engine: 'postgres', url })
}

async function benchOnMariadb(scale: number, tools: readonly string[]): Promise<readonly Comparison[]> {
  if (tools.length === 0) return []
  await using server = await startMariadb()
  const { dsn: url } = await server.createDatabase()
  await using client = await connect(url)
  await client.query('create table product (id integer primary key, name varchar(40) not null, stock integer not null)')
  await client.query(`insert into product select seq, concat('product ', seq), 0 from seq_1_to_${rows}`)
  await client.query('analyze table product')
  return await benchTools(scale, tools, { engine: 'mariadb', url })
}

async function benchTools(scale: number, tools: readonly string[], place: Place): Promise<readonly Comparison[]> {
  const results: Comparison[] = []
  for (const tool of tools) results.push(...(await benchTool(scale, tool, place)))
  return results
}

const names = {
  postgres: { bare: 'on pg', signalbox: 'on pgFor(client)' },
  mariadb: { bare: 'on its driver', signalbox: 'on Signalbox' },
}

async function benchTool(scale: number, tool: string, place: Place): Promise<readonly Comparison[]> {
  const cells = (['read by key', 'write by key'] as const).flatMap((kind) =>
    [1, 32].map((concurrency) => ({ kind, concurrency, times: [] as (readonly number[])[] })),
  )
  for (let pair = 0; pair < pairs; pair++) {
    await using bare = await OrmProcess.start({ ...place, tool, side: 'bare' })
    await using ours = await OrmProcess.start({ ...place, tool, side: 'ours' })
    for (const { kind, concurrency, times } of cells) {
      const operations = Math.ceil((concurrency === 1 ? 1_500 : 4_000) * scale)
      const round: RoundAsked = { kind, operations, concurrency }
      const contestants = [bare, ours].map((side) => async () => await side.time(round))
      times.push(...(await timeInTurns(contestants, roundsOfPair)))
    }
  }
  return cells.map(({ kind, concurrency, times }) => {
    const isShared = kind === 'read by key' && concurrency === 32 && askPool.has(tool)
    const [theirs, own] = [times.map(([bare]) => bare!), times.map(([, ours]) => ours!)]
    const target = { ratio: isShared ? 1.5 : 0.95 }
    return { bench: `${tool}: ${kind}`, ...names[place.engine], concurrency, ...judged(theirs, own, target) }
  })
}
