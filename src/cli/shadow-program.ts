import { InvalidArgumentError, Option, type Command } from 'commander'
import {
  conflictsOfShadow,
  createShadow,
  diffShadow,
  dropShadow,
  promoteShadow,
  resetShadow,
  type ShadowCommandOptions,
  type ShadowDiffOptions,
  type ShadowPromoteOptions,
} from './commands/shadow.ts'
import { addCommonOptions, type Finish } from './common-options.ts'
import { shadowHelp } from './help-text.ts'
import type { Terminal } from './terminal.ts'

const mostRows = 1_000_000
const defaultRows = 1_000

/** `signalbox shadow …` */
export function addShadow(program: Command, terminal: Terminal, finish: Finish): void {
  const shadow = program
    .command('shadow')
    .summary('look after a shadow: create, diff, conflicts, promote, reset, drop')
    .description('Look after a shadow: what was changed on it, and what becomes of the changes.')
    .addHelpText('after', shadowHelp)
  addOne(shadow, 'create', 'make what it keeps, also for tables that were declared since').action(
    async (options: ShadowCommandOptions) => await finish(options, async () => await createShadow(options, terminal)),
  )
  addOne(shadow, 'diff', 'show added, changed and deleted rows side by side')
    .argument('[table]', 'one table; all that are augmented or replaced unless told')
    .addOption(new Option('--sql', 'print the statements that make the base the same').conflicts('json'))
    .option('--limit <rows>', 'rows of each table that are shown', rows, defaultRows)
    .action(
      async (table: string | undefined, options: ShadowDiffOptions) =>
        await finish(options, async () => await diffShadow(table, options, terminal)),
    )
  addOne(shadow, 'conflicts', 'show local rows whose row of the base has changed since')
    .argument('[table]', 'one table; all that are augmented unless told')
    .option('--limit <rows>', 'rows of each table that are shown', rows, defaultRows)
    .action(
      async (table: string | undefined, options: ShadowDiffOptions) =>
        await finish(options, async () => await conflictsOfShadow(table, options, terminal)),
    )
  addOne(shadow, 'promote', 'make its changes on another database, in one transaction')
    .argument('[tables...]', 'the tables; all that are augmented unless told')
    .requiredOption('--to <database>', 'the alias of the database that gets them')
    .addOption(
      new Option('--on-conflict <policy>', 'for rows that were changed there since: fail, or whose values win')
        .choices(['fail', 'ours', 'theirs'])
        .default('fail'),
    )
    .option('--preview', 'only say what would be done')
    .option('-y, --yes', 'do not ask')
    .action(
      async (tables: readonly string[], options: ShadowPromoteOptions) =>
        await finish(options, async () => await promoteShadow(tables, options, terminal)),
    )
  addOne(shadow, 'reset', 'throw the changes away')
    .argument('[table]', 'of one table; of all unless told')
    .option('-y, --yes', 'do not ask')
    .action(
      async (table: string | undefined, options: ShadowCommandOptions) =>
        await finish(options, async () => await resetShadow(table, options, terminal)),
    )
  addOne(shadow, 'drop', 'throw away everything that it keeps')
    .option('-y, --yes', 'do not ask')
    .action(
      async (options: ShadowCommandOptions) => await finish(options, async () => await dropShadow(options, terminal)),
    )
}

function addOne(shadow: Command, name: string, what: string): Command {
  const command = shadow
    .command(name)
    .description(`${what[0]?.toUpperCase() ?? ''}${what.slice(1)}.`)
    .summary(what)
  command.option('-s, --shadow <alias>', 'which shadow; may be left out where there is one')
  return addCommonOptions(command)
}

function rows(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= mostRows) return value
  throw new InvalidArgumentError(`A whole number of rows from 1 to ${mostRows} is needed.`)
}
