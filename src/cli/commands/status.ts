import { setTimeout } from 'node:timers/promises'
import { connect, type Client, type Database, type ShardView } from '../../index.ts'
import { closeSoon } from '../close-soon.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { toJson } from '../json.ts'
import { isReplicated } from '../most-connections.ts'
import { shardHints, watchingConfig } from '../probing-config.ts'
import { ServerConnections } from '../server-connections.ts'
import { soleServers } from '../sole-servers.ts'
import { statusReport, type StatusReport } from '../status-report.ts'
import { statusText } from '../status-text.ts'
import type { Terminal } from '../terminal.ts'

export interface StatusOptions extends ConfigSource {
  /** Milliseconds until every server must have answered for the first time. */
  readonly timeout: number
  /** Seconds between two pictures; absent: one picture. */
  readonly watch?: number
  readonly json?: boolean
}

/** `signalbox status`: who is there in which role, how far and how full each server is, and who is out and why. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const { config } = await loadConfig(options, processSurroundings())
  // What is wrong in it is said of the configuration as written, before it is changed for watching.
  const declared = await (typeof config === 'string' ? connect(config) : connect(config))
  const client = await connect(watchingConfig(config, options.timeout))
  try {
    const { watch } = options
    const enough = watch === undefined ? undefined : terminal.interruption()
    const declaredDatabases = [...client.topology.databases.values()]
    const connections = new ServerConnections(client, declared)
    await startWatching(client, options.timeout, enough)
    const watched = {
      client,
      databases: declaredDatabases,
      connections,
      first: client.status(),
      firstAt: performance.now(),
    }
    for (;;) {
      const report = await look(watched, options.timeout, enough)
      await show(report, options, terminal)
      if (watch !== undefined && enough !== undefined) await pause(watch * 1_000, enough)
      if (enough?.aborted !== false) return report.ok ? exitCodes.well : exitCodes.problem
    }
  } finally {
    await closeSoon([client, declared])
  }
}

interface Watched {
  readonly client: Client
  /** As declared, before any server has shown its role. */
  readonly databases: readonly Database[]
  readonly connections: ServerConnections
  /** What was known when the first picture was begun, and when that was. */
  readonly first: readonly ShardView[]
  readonly firstAt: number
}

async function look(watched: Watched, timeoutMs: number, enough: AbortSignal | undefined): Promise<StatusReport> {
  const { client, databases, connections, first, firstAt } = watched
  const end = performance.now() + timeoutMs
  const { answers, awaited } = connections.ask()
  const sole = databases.filter((database) => !isReplicated(database))
  const asked = await Promise.all(sole.map(async (database) => await soleServers(client, database, timeoutMs)))
  const views = (): readonly ShardView[] => [...client.status(), ...asked.flat()]
  // Not for a server that is known by now not to answer.
  const isWaitedFor = ({ servers }: ShardView): boolean =>
    servers.some(({ id, state }) => state === 'up' && awaited.has(id))
  await until(() => !views().some(isWaitedFor), end - performance.now(), enough)
  return statusReport(databases, views(), answers, { at: new Date(), first, sinceFirstMs: performance.now() - firstAt })
}

const cursorHome = '\u001B[H'
const clearBelow = '\u001B[J'

async function show(report: StatusReport, { json, watch }: StatusOptions, terminal: Terminal): Promise<void> {
  if (json === true) {
    // Again and again: one line each, so that a program can tell where one ends.
    await terminal.write(watch === undefined ? toJson(report) : `${JSON.stringify(report)}\n`)
    return
  }
  const text = statusText(report, terminal)
  if (watch === undefined) await terminal.write(text)
  else if (terminal.isInteractive) await terminal.write(`${cursorHome}${clearBelow}${report.at}\n\n${text}`)
  else await terminal.write(`${report.at}\n\n${text}\n`)
}

const pollMs = 20
/** What needs a second probe, such as lag or two primaries, is waited for so long. */
const settlingMs = 1_500

/** Resolves when every server of every replicated database has answered, or failed to, and lag is known. */
async function startWatching(client: Client, timeoutMs: number, enough: AbortSignal | undefined): Promise<void> {
  const replicated = [...client.topology.databases.values()].filter(isReplicated)
  for (const { alias, shards: parts } of replicated) {
    // The first statement has the servers asked; what becomes of it itself does not matter.
    for (const { name } of parts)
      void client.query('select 1 as one', [], { timeoutMs, hints: shardHints(alias, name) }).catch(() => undefined)
  }
  const shards = replicated.reduce((count, database) => count + database.shards.length, 0)
  await until(() => client.status().length === shards, timeoutMs, enough)
  const hasLooked = ({ discovery }: ShardView): boolean =>
    discovery === undefined || discovery.found !== undefined || discovery.failed !== undefined
  await until(() => client.status().every(hasLooked), timeoutMs, enough)
  const isAnswered = ({ servers }: ShardView): boolean => servers.every(({ state }) => state !== 'unknown')
  await until(() => client.status().every(isAnswered), timeoutMs, enough)
  await until(() => client.status().every(isSettled), Math.min(timeoutMs, settlingMs), enough)
}

/** Nothing is in doubt any more, as far as one can see. */
function isSettled({ primary, servers }: ShardView): boolean {
  if (primary.kind !== 'primary') return primary.kind === 'split'
  const isPrimaryKnown = servers.some(({ id, position }) => id === primary.server.id && position !== undefined)
  return servers.every(({ state, lagMs, position, writable }) => {
    const isMeasurable = isPrimaryKnown && writable === false && position !== undefined
    return state !== 'suspect' && (state !== 'up' || !isMeasurable || lagMs !== undefined)
  })
}

async function until(isSo: () => boolean, mostMs: number, enough: AbortSignal | undefined): Promise<void> {
  const end = performance.now() + mostMs
  const isOver = (): boolean => isSo() || performance.now() >= end || enough?.aborted === true
  while (!isOver()) await setTimeout(pollMs)
}

async function pause(ms: number, enough: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal: enough })
  } catch {
    // Called off: enough was seen.
  }
}
