import { Command, InvalidArgumentError, Option } from 'commander'
import { engineNames, type EngineName } from './dialect.ts'

export interface DemoOptions {
  readonly engine: EngineName
  /** The text of the review that the demo writes. */
  readonly review: string
  readonly keep: boolean
}

const longestReview = 500

/** Reads the command line. Wrong options and `--help` end the process with their message, as `commander` does it. */
export function readOptions(): DemoOptions {
  const command = new Command('npm run demo --')
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
    .showHelpAfterError('(--help tells what there is)')
  command.parse()
  const options = command.opts<DemoOptions>()
  if (options.keep && options.engine !== 'sqlite') {
    command.error(`error: --keep keeps SQLite files. The data of --engine ${options.engine} ends with its servers.`)
  }
  return options
}

function reviewText(value: string): string {
  const text = value.trim()
  if (text === '' || text.length > longestReview) {
    throw new InvalidArgumentError(`A review has 1 to ${longestReview} characters.`)
  }
  return text
}
