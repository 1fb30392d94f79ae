import { Command, InvalidArgumentError, Option } from 'commander'
import { engineNames, type EngineName } from './dialect.ts'

export interface DemoOptions {
  readonly engine: EngineName
  /** The text of the review that the demo writes. */
  readonly review: string
  readonly keep: boolean
}

/** A shop with replicas, whose servers fail under load. */
export interface ReplicationDemoOptions {
  readonly engine: Exclude<EngineName, 'sqlite'>
  readonly replicas: number
  /** How long the load runs. */
  readonly seconds: number
}

export type Options =
  ({ readonly kind: 'functional' } & DemoOptions) | ({ readonly kind: 'replication' } & ReplicationDemoOptions)

interface GivenOptions extends DemoOptions {
  readonly replicas?: number
  readonly seconds: number
}

const longestReview = 500
/** Fewer than two, and nobody is left to acknowledge a write while one is down. */
const replicaRange = { min: 2, max: 5 }
const secondsRange = { min: 5, max: 600 }

/** Reads the command line. Wrong options and `--help` end the process with their message, as `commander` does it. */
export function readOptions(): Options {
  const command: Command = new Command('npm run demo --')
    .description('A shop whose data lives in three databases, by function. Needs no server with the default engine.')
    .addOption(
      new Option('--engine <name>', 'what the databases are; servers are started, and stopped in the end')
        .choices(engineNames)
        .default('sqlite'),
    )
    .option(
      '--review <text>',
      'the review that is written and read back',
      reviewText,
      'Sturdy, and the colour is right.',
    )
    .option('--keep', 'keep the SQLite files and say where they are', false)
    .option(
      '--replicas <n>',
      'instead: one database with so many replicas, whose servers die, hang and change roles under load',
      wholeNumber(replicaRange),
    )
    .option('--seconds <n>', 'with --replicas: how long the load runs', wholeNumber(secondsRange), 15)
    .showHelpAfterError('(--help tells what there is)')
  command.parse()
  const { replicas, seconds, ...options } = command.opts<GivenOptions>()
  const { engine } = options
  if (options.keep && engine !== 'sqlite') {
    command.error(`error: --keep keeps SQLite files. The data of --engine ${engine} ends with its servers.`)
  }
  if (replicas === undefined) return { kind: 'functional', ...options }
  if (engine === 'sqlite') {
    command.error('error: --replicas needs servers that replicate: --engine postgres or --engine mariadb.')
  }
  return { kind: 'replication', engine, replicas, seconds }
}

function wholeNumber({ min, max }: { readonly min: number; readonly max: number }): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (Number.isInteger(number) && number >= min && number <= max) return number
    throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`)
  }
}

function reviewText(value: string): string {
  const text = value.trim()
  if (text === '' || text.length > longestReview) {
    throw new InvalidArgumentError(`A review has 1 to ${longestReview} characters.`)
  }
  return text
}
