import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** How the code of a suite asks for what stands in the place of `name`: see `preload.ts`. */
export const subjectKey = (name: string): string => `Symbol.for('signalbox.conformance.${name}')`

/**
 * Puts two lines in the place of a CommonJS module, which stays beside it as `bare.js` (`bare-NAME.js` if it is no `index.js`): the module is the subject where one is named,
 * and what it was otherwise. `exported`: names that modules in the other format import from it.
 */
export async function putShim(file: string, name: string, exported: readonly string[] = []): Promise<void> {
  const bareName = basename(file) === 'index.js' ? 'bare.js' : `bare-${basename(file)}`
  const bare = join(dirname(file), bareName)
  if (!existsSync(bare)) await rename(file, bare)
  const key = `globalThis[${subjectKey(name)}]`
  // Node.js looks for such names in the text.
  const seen = exported.map((each) => `exports.${each} = `).join('')
  const names = seen === '' ? '' : `${seen}undefined\n`
  await writeFile(
    file,
    `'use strict'\n${names}module.exports = ${key} === undefined ? require('./${bareName}') : ${key}()\n`,
  )
}

/** Changes a text that has to be there so many times, so that a new version of a suite is noticed. */
export async function replaceInFile(file: string, old: string, text: string, times = 1): Promise<void> {
  const before = await readFile(file, 'utf8')
  const found = before.split(old).length - 1
  if (found !== times)
    throw new Error(
      `${file} has ${JSON.stringify(old)} ${found} times, and should have it ${times === 1 ? 'once' : `${times} times`}.`,
    )
  await writeFile(
    file,
    before.replaceAll(old, () => text),
  )
}

/** A link in place of whatever is there. */
export async function link(target: string, path: string): Promise<void> {
  if (!existsSync(target)) throw new Error(`There is no ${target}.`)
  await rm(path, { recursive: true, force: true })
  await mkdir(dirname(path), { recursive: true })
  await symlink(target, path)
}
