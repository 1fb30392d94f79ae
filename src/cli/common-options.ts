import { Option, type Command } from 'commander'
import type { ExitCode } from './exit-code.ts'

/** Does the work of a command, and keeps its exit code. */
export type Finish = (options: { readonly json?: boolean }, work: () => Promise<ExitCode>) => Promise<void>

/** What every command takes. */
export function addCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('-c, --config <path>', 'the configuration file').conflicts('url'))
    .option('--url <dsn>', 'a single database, in place of a configuration file')
    .option('--json', 'print JSON, for programs')
}
