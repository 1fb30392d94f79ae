import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Takes the types out of a folder's TypeScript, file by file, with the esbuild that the source wants. Files named `.mts` become `.mjs`, where all are. */
export async function transpile(
  folder: string,
  below: string,
  out: string,
  format: 'cjs' | 'esm',
  patterns: readonly string[] = ['src/**/*.ts', 'test/**/*.ts'],
): Promise<void> {
  const cwd = join(folder, below)
  const files = await Array.fromAsync(glob([...patterns], { cwd }))
  const extension = files.every((file) => file.endsWith('.mts')) ? ['--out-extension:.js=.mjs'] : []
  const flags = [
    ...extension,
    `--outdir=${out}`,
    '--outbase=.',
    `--format=${format}`,
    '--log-level=error',
    '--platform=node',
  ]
  await promisify(execFile)(join(folder, 'node_modules/.bin/esbuild'), [...files, ...flags], { cwd })
}
