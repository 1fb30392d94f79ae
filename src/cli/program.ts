import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { check, type CheckOptions } from './commands/check.ts'
import { explain, type ExplainOptions } from './commands/explain.ts'
import { explainFile } from './commands/explain-file.ts'
import { recover, type RecoverOptions } from './commands/recover.ts'
import { shards, type ShardsOptions } from './commands/shards.ts'
import { status, type StatusOptions } from './commands/status.ts'
import { addCommonOptions, type Finish } from './common-options.ts'
import { exitCodes, type ExitCode } from './exit-code.ts'
import { reportFailure } from './failure.ts'
import { checkHelp, explainHelp, programHelp, recoverHelp, shardsHelp, statusHelp } from './help-text.ts'
import { toJson } from './json.ts'
import { addShadow } from './shadow-program.ts'
import type { Terminal } from './terminal.ts'
import { withoutPasswords } from './usage-error.ts'
import { wrap } from './wrap.ts'

const defaultTimeoutMs = 5_000
const defaultCountMs = 60_000
const longestTimeoutMs = 600_000
const defaultAgeMs = 60_000
const longestAgeMs = 86_400_000
const mostProcesses = 100_000
const shortestWatchS = 0.1
const longestWatchS = 86_400

/** Runs the program with the arguments that stand behind its name, and gives the exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const output: string[] = []
  const errors: string[] = []
  let code: ExitCode = exitCodes.well
  let wantsJson = false
  const finish = async (command: { readonly json?: boolean }, work: () => Promise<ExitCode>): Promise<void> => {
    wantsJson = command.json === true
    code = await work()
  }
  const program = makeProgram(terminal, finish, {
    writeOut: (text) => void output.push(text),
    writeErr: (text) => void errors.push(withoutPasswords(text)),
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version come as such an "error" too, with the exit code 0.
      code = error.exitCode === 0 ? exitCodes.well : exitCodes.usage
    } else {
      const failure = reportFailure(error)
      if (wantsJson) output.push(toJson({ error: failure }))
      const name = failure.code.startsWith('SIGNALBOX_') ? ` ${failure.code}` : ''
      errors.push(`${wrap(`signalbox:${name} ${failure.message}`, terminal.columns, '  ').trimStart()}\n`)
      code = exitCodes.usage
    }
  }
  if (output.length > 0) await terminal.write(output.join(''))
  if (errors.length > 0) await terminal.writeError(errors.join(''))
  return code
}

interface Output {
  readonly writeOut: (text: string) => void
  readonly writeErr: (text: string) => void
}

function makeProgram(terminal: Terminal, finish: Finish, output: Output): Command {
  const program = new Command('signalbox')
  // Set before the commands are added, which inherit them.
  program
    .exitOverride()
    .configureOutput({ ...output, getOutHelpWidth: () => terminal.columns, getErrHelpWidth: () => terminal.columns })
    .showHelpAfterError('(signalbox --help says more)')
    .description(
      'Where SQL statements run when there are several databases, and whether the databases are as declared.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', programHelp)
  addExplain(program, terminal, finish)
  addCheck(program, terminal, finish)
  addStatus(program, terminal, finish)
  addShards(program, terminal, finish)
  addRecover(program, terminal, finish)
  addShadow(program, terminal, finish)
  return program
}

function addExplain(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('explain')
    .summary('say where a statement would run and why; connects to nothing')
    .description('Say where a statement would run and why, or why it is refused. Connects to nothing.')
    .argument('[sql]', 'the statement; - reads it from the standard input')
    .argument('[params...]', 'values of its parameters, taken as text')
    .option('-p, --param <json>', 'a parameter as JSON (7, \'"text"\', null, [1,2]), or name=json; repeatable', append)
    .option('-f, --file <path>', 'each statement of a file, without values, in place of one; - is the standard input')
    .addOption(new Option('--dry-run <path>', 'the same as --file').conflicts('file'))
    .option('-u, --using <database>', 'as client.using(…): an alias or a data source name')
    .addOption(
      new Option('-d, --dialect <dialect>', 'the dialect that the text is written in').choices([
        'postgres',
        'mysql',
        'sqlite',
      ]),
    )
  addCommonOptions(command)
    .addHelpText('after', explainHelp)
    .action(async (sql: string | undefined, params: string[], options: ExplainOptions) => {
      const { dryRun, file = dryRun } = options
      if (file === undefined && sql === undefined)
        command.error("error: missing required argument 'sql', or --file with a file of statements")
      if (file !== undefined && (sql !== undefined || options.param !== undefined))
        command.error('error: --file stands in place of a statement, and takes no parameters')
      await finish(options, async () =>
        file === undefined
          ? await explain(sql ?? '', params, options, terminal)
          : await explainFile(file, options, terminal),
      )
    })
}

function addCheck(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('check')
    .summary('connect to everything, and compare what is there with what is declared')
    .description('Connect to every database, and compare what is there with what is declared. Writes nothing.')
    .option('-t, --timeout <ms>', 'how long each database has to answer', milliseconds, defaultTimeoutMs)
    .option('-n, --processes <count>', 'processes of the application, to count their connections', processes, 1)
    .option('--strict', 'a warning counts as a problem')
  addCommonOptions(command)
    .addHelpText('after', checkHelp)
    .action(async (options: CheckOptions) => {
      await finish(options, async () => await check(options, terminal))
    })
}

function addStatus(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('status')
    .summary('connect to every server, and show roles, positions, lag, connections, and who is out and why')
    .description(
      'Connect to every server, and show roles, positions, lag, connections, and who is out and why. Writes nothing.',
    )
    .option('-t, --timeout <ms>', 'how long the servers have for their first answer', milliseconds, defaultTimeoutMs)
    .addOption(
      new Option('-w, --watch [seconds]', 'show it again and again, until Ctrl-C; every 2 seconds unless told')
        .argParser(seconds)
        .preset('2'),
    )
  addCommonOptions(command)
    .addHelpText('after', statusHelp)
    .action(async (options: StatusOptions) => {
      await finish(options, async () => await status(options, terminal))
    })
}

function addShards(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('shards')
    .summary('connect to every shard, and show how many rows of the sharded tables each one has')
    .description('Show how the rows of the sharded tables are spread over the shards. Writes nothing.')
    .argument('[database]', 'the database; all that have shards unless told')
    .option('--estimate', "rows from the servers' statistics, in place of counting them")
    .option('-t, --timeout <ms>', 'how long each table of a shard has to be counted', milliseconds, defaultCountMs)
  addCommonOptions(command)
    .addHelpText('after', shardsHelp)
    .action(async (database: string | undefined, options: ShardsOptions) => {
      await finish(options, async () => await shards(database, options, terminal))
    })
}

function addRecover(program: Command, terminal: Terminal, finish: Finish): void {
  const command = program
    .command('recover')
    .summary('end what distributed transactions have left prepared, as their log says')
    .description(
      'End what distributed transactions have left prepared, as their log says: commit what is decided, roll back what is not.',
    )
    .option(
      '-l, --log <database>',
      'the alias of the database that holds the log (default: transactionLog of the configuration)',
    )
    .option('--table <name>', 'the table of the log, with --log (default: "signalbox_transaction")')
    .option(
      '--older-than <ms>',
      'from which age on an undecided transaction is given up',
      ageMilliseconds,
      defaultAgeMs,
    )
  addCommonOptions(command)
    .addHelpText('after', recoverHelp)
    .action(async (options: RecoverOptions) => {
      await finish(options, async () => await recover(options, terminal))
    })
}

function append(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

function milliseconds(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= longestTimeoutMs) return value
  throw new InvalidArgumentError(`A whole number of milliseconds from 1 to ${longestTimeoutMs} is needed.`)
}

function ageMilliseconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= longestAgeMs) return value
  throw new InvalidArgumentError(`A whole number of milliseconds from 0 to ${longestAgeMs} is needed.`)
}

function processes(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= mostProcesses) return value
  throw new InvalidArgumentError(`A whole number from 1 to ${mostProcesses} is needed.`)
}

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= shortestWatchS && value <= longestWatchS) return value
  throw new InvalidArgumentError(`A number of seconds from ${shortestWatchS} to ${longestWatchS} is needed.`)
}

function packageVersion(): string {
  // The same distance from src/cli and from dist/cli.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown'
}
