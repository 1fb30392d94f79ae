import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { TestServerError } from '../errors.ts'

/** The user and group that a program runs as; empty: as ourselves. */
export interface RunAs {
  readonly uid?: number
  readonly gid?: number
}

/** Runs a program to its end and returns what it wrote to its standard output; a failure's message holds all it wrote. */
export async function run(
  file: string,
  args: readonly string[],
  options: RunAs & { cwd?: string } = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const all = { ...options, env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 1 << 26 }
  execFile(file, args, all, (error, stdout, stderr) => {
    if (error === null) return resolve(stdout)
    const output = `${stdout}\n${stderr}`.trim() || error.message
    const reason = error.code ?? error.signal ?? 'no exit code'
    reject(new TestServerError(`${file} failed (${reason}): ${output}`, error))
  })
  return promise
}

/** The folders of a search path. */
export function pathFolders(path = process.env['PATH'] ?? ''): string[] {
  return path.split(delimiter).filter((folder) => folder !== '')
}

/** The first of the names that the folder holds as a program. */
export async function findProgram(folders: readonly string[], names: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const file = join(folder, name)
      if (await isProgram(file)) return file
    }
  }
  return undefined
}

export async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** A system user without privileges, for servers that refuse to run as root. Empty if we are not root ourselves. */
export async function unprivilegedUser(names: readonly string[]): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {}
  for (const name of names) {
    try {
      return { uid: Number(await run('id', ['-u', name])), gid: Number(await run('id', ['-g', name])) }
    } catch {
      // No such user: the next one.
    }
  }
  throw new TestServerError(
    `PostgreSQL refuses to run as root, and none of the users ${names.join(', ')} exists. Create one, or run the tests as another user.`,
  )
}
