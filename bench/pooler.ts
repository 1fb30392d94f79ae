import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unprivilegedUser } from '../src/testing/binaries.ts'
import { freePort } from '../src/testing/free-port.ts'
import { ServerLog } from '../src/testing/server-log.ts'
import { PortTakenError, ServerProcess } from '../src/testing/server-process.ts'
import { Workplace } from '../src/testing/workplace.ts'

/** A proxy in front of PostgreSQL servers, started for one measurement. */
export interface Pooler extends AsyncDisposable {
  readonly port: number
}

/** How to start one. `files` are written to its private folder, by name; `{folder}` in the arguments means that folder. */
export interface PoolerRecipe {
  readonly name: string
  readonly program: string
  readonly environment: Readonly<Record<string, string>>
  readonly args: readonly string[]
  readonly files: (port: number, folder: string) => Readonly<Record<string, string>>
  /** Found in its log when it takes connections. */
  readonly ready: RegExp
  /** Ends it at once. */
  readonly stopSignal: NodeJS.Signals
}

const portAttempts = 5

/** Starts a proxy on a free port of 127.0.0.1. As root it runs as an ordinary user: pgbouncer refuses to be root. */
export async function startPooler(recipe: PoolerRecipe): Promise<Pooler> {
  const runAs = await unprivilegedUser(['postgres', 'nobody'])
  const workplace = await Workplace.create(recipe.name, recipe.stopSignal, runAs)
  const { folder } = workplace
  const log = new ServerLog()
  const start = async (port: number): Promise<Pooler> => {
    for (const [name, text] of Object.entries(recipe.files(port, folder))) {
      // They hold the servers' password.
      await writeFile(join(folder, name), text, { mode: 0o600 })
      if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(join(folder, name), runAs.uid, runAs.gid)
    }
    const { program: file, environment: env, ready } = recipe
    const args = recipe.args.map((arg) => arg.replaceAll('{folder}', folder))
    const started = await ServerProcess.start({ ...runAs, file, args, env, ready, cwd: folder }, log)
    workplace.watch(started.pid)
    return {
      port,
      [Symbol.asyncDispose]: async () => {
        await started.end(recipe.stopSignal, 5_000)
        await workplace.remove()
      },
    }
  }
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await start(await freePort())
      } catch (error) {
        if (!(error instanceof PortTakenError) || attempt === portAttempts) throw error
      }
    }
  } catch (error) {
    await workplace.remove()
    throw error
  }
}
