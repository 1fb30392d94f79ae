import {
  connect,
  ShadowConflictError,
  SignalboxError,
  type Client,
  type PromotionPolicy,
  type PromotionReport,
  type ShadowAdmin,
} from '../../index.ts'
import { closeSoon } from '../close-soon.ts'
import { loadConfig, processSurroundings, type ConfigSource } from '../config-file.ts'
import { exitCodes, type ExitCode } from '../exit-code.ts'
import { isUsageFault, reportFailure } from '../failure.ts'
import { toJson } from '../json.ts'
import { conflictsText, createdText, diffText, promotionText, sqlText } from '../shadow-text.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { wrap } from '../wrap.ts'

export interface ShadowCommandOptions extends ConfigSource {
  /** The alias, where there are several. */
  readonly shadow?: string
  /** Answers the question. */
  readonly yes?: boolean
  readonly json?: boolean
}

export interface ShadowDiffOptions extends ShadowCommandOptions {
  readonly sql?: boolean
  readonly limit: number
}

export interface ShadowPromoteOptions extends ShadowCommandOptions {
  readonly to: string
  readonly onConflict: PromotionPolicy
  readonly preview?: boolean
}

/** `signalbox shadow create` */
export async function createShadow(options: ShadowCommandOptions, terminal: Terminal): Promise<ExitCode> {
  return await onShadow(options, terminal, async (shadow) => {
    const report = await shadow.create()
    await terminal.write(options.json === true ? toJson(report) : createdText(report, terminal))
    return exitCodes.well
  })
}

/** `signalbox shadow diff`: added, changed and deleted rows. */
export async function diffShadow(
  table: string | undefined,
  options: ShadowDiffOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  return await onShadow(options, terminal, async (shadow) => {
    const which = table === undefined ? {} : { table }
    if (options.sql === true) await terminal.write(sqlText(await shadow.diffSql(which)))
    else {
      const diff = await shadow.diff({ ...which, limit: options.limit })
      await terminal.write(options.json === true ? toJson(diff) : diffText(diff, terminal))
    }
    return exitCodes.well
  })
}

/** `signalbox shadow conflicts`: rows that the base has changed since, too. */
export async function conflictsOfShadow(
  table: string | undefined,
  options: ShadowDiffOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  return await onShadow(options, terminal, async (shadow) => {
    const found = await shadow.conflicts({ ...(table === undefined ? {} : { table }), limit: options.limit })
    const { shadow: ours, base: theirs } = found
    await terminal.write(options.json === true ? toJson(found) : conflictsText(found, { ours, theirs }, terminal))
    return found.count === 0 ? exitCodes.well : exitCodes.problem
  })
}

/** `signalbox shadow promote`: looks, shows, asks, and makes the changes on another database. */
export async function promoteShadow(
  tables: readonly string[],
  options: ShadowPromoteOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { to, onConflict, preview = false, json = false } = options
  return await onShadow(options, terminal, async (shadow) => {
    const wishes = { to, onConflict, ...(tables.length === 0 ? {} : { tables }) }
    const planned = await shadow.promote({ ...wishes, preview: true })
    const isRefused = onConflict === 'fail' && planned.conflictCount > 0
    const changes = planned.tables.reduce((sum, each) => sum + each.added + each.changed + each.deleted, 0)
    const isLast = preview || isRefused || changes === 0
    if (!json) await terminal.write(promotionText(planned, onConflict, terminal))
    else if (isLast) await terminal.write(toJson(planned))
    if (isLast) return isRefused ? exitCodes.problem : exitCodes.well
    const question = `Make these changes on "${to}"?`
    if (!(await isConfirmed(question, options, terminal))) return exitCodes.problem
    const done: PromotionReport = await shadow.promote(wishes)
    await terminal.write(json ? toJson(done) : promotionText(done, onConflict, terminal))
    return exitCodes.well
  })
}

/** `signalbox shadow reset`: throws changes away. */
export async function resetShadow(
  table: string | undefined,
  options: ShadowCommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  return await onShadow(options, terminal, async (shadow, alias) => {
    const what = table === undefined ? 'all changes' : `the changes of ${table}`
    if (!(await isConfirmed(`Throw away ${what} on "${alias}"?`, options, terminal))) return exitCodes.problem
    await shadow.reset(table === undefined ? {} : { table })
    await say(`${what} on "${alias}" thrown away`, { shadow: alias, reset: table ?? null }, options, terminal)
    return exitCodes.well
  })
}

/** `signalbox shadow drop`: throws everything away. */
export async function dropShadow(options: ShadowCommandOptions, terminal: Terminal): Promise<ExitCode> {
  return await onShadow(options, terminal, async (shadow, alias) => {
    if (!(await isConfirmed(`Throw away everything that "${alias}" keeps?`, options, terminal)))
      return exitCodes.problem
    await shadow.drop()
    await say(`everything that "${alias}" kept thrown away`, { shadow: alias, dropped: true }, options, terminal)
    return exitCodes.well
  })
}

async function say(text: string, report: object, { json }: ShadowCommandOptions, terminal: Terminal): Promise<void> {
  const sentence = `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.\n`
  await terminal.write(json === true ? toJson(report) : `${terminal.style('green', '✓')} ${sentence}`)
}

async function isConfirmed(question: string, { yes }: ShadowCommandOptions, terminal: Terminal): Promise<boolean> {
  if (yes === true) return true
  const answer = await terminal.ask(`${question} [y/N] `)
  if (answer === undefined) throw new UsageError(`${question} There is no terminal to ask at; --yes answers for it.`)
  if (/^y(?:es)?$/i.test(answer.trim())) return true
  await terminal.writeError('Nothing was changed.\n')
  return false
}

/** What is refused is an answer, too; only a wrong command line or configuration is thrown. */
async function onShadow(
  options: ShadowCommandOptions,
  terminal: Terminal,
  work: (shadow: ShadowAdmin, alias: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { config } = await loadConfig(options, processSurroundings())
  const client: Client = await (typeof config === 'string' ? connect(config) : connect(config))
  try {
    const alias = shadowOf(client, options.shadow)
    return await work(client.shadow(alias), alias)
  } catch (error) {
    if (isUsageFault(error) || !(error instanceof SignalboxError)) throw error
    const failure = reportFailure(error)
    const conflicts = error instanceof ShadowConflictError ? { conflicts: error.conflicts } : {}
    if (options.json === true) await terminal.write(toJson({ error: { ...failure, ...conflicts } }))
    const title = terminal.style('red', `✗ refused: ${failure.code}`)
    await terminal.writeError(`${title}\n${wrap(failure.message, terminal.columns, '  ')}\n`)
    return exitCodes.problem
  } finally {
    await closeSoon([client])
  }
}

function shadowOf(client: Client, named: string | undefined): string {
  if (named !== undefined) return named
  const all = [...client.topology.databases.values()].filter(({ shadow }) => shadow !== undefined)
  const [only, ...others] = all.map(({ alias }) => alias)
  if (only !== undefined && others.length === 0) return only
  throw new UsageError(
    only === undefined
      ? 'The configuration has no shadow.'
      : `There are several shadows: ${[only, ...others].join(', ')}. Name one with --shadow.`,
  )
}
