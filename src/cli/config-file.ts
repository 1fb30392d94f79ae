import { existsSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, SignalboxError, type Config } from '../index.ts'
import { UsageError, withoutPasswords } from './usage-error.ts'

/** The names that are searched for, in this order, in the working directory and then in each folder above it. */
export const configFileNames = [
  'signalbox.config.ts',
  'signalbox.config.mts',
  'signalbox.config.js',
  'signalbox.config.mjs',
] as const

/** How the user said which databases there are. */
export interface ConfigSource {
  /** `--config` */
  readonly config?: string | undefined
  /** `--url` */
  readonly url?: string | undefined
}

/** What the search depends on in the process. */
export interface Surroundings {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Makes a folder the working directory: that of a file found by searching, for the relative paths in it. */
  readonly enter: (folder: string) => void
}

/** This process. */
export function processSurroundings(): Surroundings {
  return { cwd: process.cwd(), environment: process.env, enter: (folder) => process.chdir(folder) }
}

/** What was found: a configuration not validated yet, and where it stands. */
export interface LoadedConfig {
  readonly config: string | Config
  /** The file's path; `undefined` for a data source name. */
  readonly file: string | undefined
}

/**
 * Finds and reads the configuration: `--config`, `--url`, `SIGNALBOX_CONFIG`, `SIGNALBOX_URL`, or a file searched from
 * the working directory upwards. A default export that is a function is called. Throws {@link UsageError}, naming the file.
 */
export async function loadConfig(source: ConfigSource, surroundings: Surroundings): Promise<LoadedConfig> {
  const { cwd, environment, enter } = surroundings
  const { config, url } = chooseSource(source, environment)
  if (url !== undefined) return { config: url, file: undefined }
  const file = config === undefined ? findConfigFile(cwd) : resolve(cwd, config)
  if (config === undefined) enter(dirname(file))
  if (!existsSync(file)) throw new UsageError(`There is no configuration file ${file}.`)
  return { config: withoutRecovery(await readConfigFile(file)), file }
}

/** A command does what it is asked to do. What is wrong in the configuration stays. */
function withoutRecovery(config: Config): Config {
  const { transactionLog: log } = config
  if (typeof log === 'string') return { ...config, transactionLog: { database: log, recoverEveryMs: 0 } }
  return looksLikeConfig(log) ? { ...config, transactionLog: { ...log, recoverEveryMs: 0 } } : config
}

function chooseSource(
  { config, url }: ConfigSource,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigSource {
  if (config !== undefined && url !== undefined) throw new UsageError('Say --config or --url, not both.')
  if (config !== undefined || url !== undefined) return { config, url }
  // A variable that is set but empty counts as not set, as in most programs.
  const file = environment['SIGNALBOX_CONFIG']
  if (file !== undefined && file !== '') return { config: file }
  const dsn = environment['SIGNALBOX_URL']
  return dsn === undefined || dsn === '' ? {} : { url: dsn }
}

/** The nearest configuration file, from a folder upwards. */
export function findConfigFile(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    for (const name of configFileNames) {
      const file = join(folder, name)
      if (existsSync(file)) return file
    }
    if (dirname(folder) === folder) break
  }
  throw new UsageError(
    `There is no ${configFileNames[0]} (or ${configFileNames.slice(1).join(', ')}) in ${resolve(from)} or in a folder above it. ` +
      'Write one, name it with --config, or give a single database with --url.',
  )
}

/** The default export of a configuration file, not validated yet; a function is called. */
export async function readConfigFile(file: string): Promise<Config> {
  refuseTypeScriptOnOldNode(file, process.features.typescript, process.version)
  let exported: unknown
  try {
    const module: unknown = await import(pathToFileURL(file).href)
    exported = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
    if (isFunction(exported)) exported = await exported()
  } catch (error) {
    if (error instanceof SignalboxError) throw error
    throw new UsageError(`${file} could not be read: ${withoutPasswords(messageOf(error))}`, error)
  }
  if (!looksLikeConfig(exported)) {
    throw new UsageError(
      `${file} has no configuration as its default export. ` +
        "Write: import { defineConfig } from 'signalbox'; export default defineConfig({ databases: { … } })",
    )
  }
  return exported
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function'
}

// No more than that: connect() says what is wrong in it, and names the place.
function looksLikeConfig(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Node.js strips types by itself from 22.18 on; before that only when told to. */
export function refuseTypeScriptOnOldNode(file: string, support: string | false | undefined, version: string): void {
  if (!/^\.[cm]?ts$/.test(extname(file)) || support) return
  throw new UsageError(
    `${file} is TypeScript, which Node.js reads from version 22.18 on, and this is ${version}. ` +
      'Use a later Node.js, set NODE_OPTIONS=--experimental-strip-types, or write the file as signalbox.config.mjs.',
  )
}
