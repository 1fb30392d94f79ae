import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findConfigFile, loadConfig, refuseTypeScriptOnOldNode, type Surroundings } from './config-file.ts'
import { UsageError } from './usage-error.ts'

let folder: string
let entered: string[]
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'signalbox-config-')))
  entered = []
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

function surroundings(environment: Surroundings['environment'] = {}): Surroundings {
  return { cwd: folder, environment, enter: (path) => void entered.push(path) }
}

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

const named = (name: string): string => `export default { databases: { ${name}: 'sqlite::memory:' } }`

describe('findConfigFile', () => {
  it('takes the nearest file, and in one folder the first name', async () => {
    const nested = join(folder, 'a', 'b')
    await mkdir(nested, { recursive: true })
    const outer = await write('signalbox.config.js', '')
    expect(findConfigFile(nested)).toBe(outer)
    const typed = await write('signalbox.config.ts', '')
    expect(findConfigFile(nested)).toBe(typed)
    const inner = join(nested, 'signalbox.config.mjs')
    await writeFile(inner, '')
    expect(findConfigFile(nested)).toBe(inner)
  })

  it('says where it looked and what to do', () => {
    expect(() => findConfigFile(folder)).toThrow(UsageError)
    expect(() => findConfigFile(folder)).toThrow(new RegExp(`${folder}.*--config.*--url`))
  })
})

describe('loadConfig', () => {
  it('prefers what was typed to the environment, and the environment to searching', async () => {
    await write('signalbox.config.mjs', named('searched'))
    const typed = await write('typed.mjs', named('typed'))
    const set = await write('set.mjs', named('set'))
    const env = { SIGNALBOX_CONFIG: set, SIGNALBOX_URL: 'sqlite:./env.db' }
    expect((await loadConfig({ config: 'typed.mjs' }, surroundings(env))).file).toBe(typed)
    expect(await loadConfig({ url: 'sqlite:./a.db' }, surroundings(env))).toEqual({
      config: 'sqlite:./a.db',
      file: undefined,
    })
    expect((await loadConfig({}, surroundings(env))).file).toBe(set)
    expect((await loadConfig({}, surroundings({ SIGNALBOX_URL: 'sqlite:./env.db' }))).config).toBe('sqlite:./env.db')
    expect(entered).toEqual([])
    const searched = await loadConfig({}, surroundings({ SIGNALBOX_CONFIG: '', SIGNALBOX_URL: '' }))
    expect(searched.config).toMatchObject({ databases: { searched: 'sqlite::memory:' } })
    expect(entered).toEqual([folder])
  })

  it.each([
    ['a function', `export default () => ({ databases: { made: 'sqlite::memory:' } })`],
    ['an async function', `export default async () => ({ databases: { made: 'sqlite::memory:' } })`],
  ])('calls %s', async (_what, text) => {
    const config = await write('made.mjs', text)
    expect((await loadConfig({ config }, surroundings())).config).toEqual({ databases: { made: 'sqlite::memory:' } })
  })

  it.each([
    ['is not there', undefined, /There is no configuration file .*broken\.mjs/],
    ['does not parse', 'export default {', /broken\.mjs could not be read/],
    [
      'throws',
      `throw new Error('no postgres://u:secret@h')`,
      /broken\.mjs could not be read: no postgres:\/\/u:\*\*\*@h/,
    ],
    ['has no default export', 'export const config = {}', /broken\.mjs has no configuration as its default export/],
    ['exports no object', 'export default 7', /defineConfig/],
  ])('names a file that %s', async (_what, text, message) => {
    const config = join(folder, 'broken.mjs')
    if (text !== undefined) await writeFile(config, text)
    const loading = loadConfig({ config }, surroundings())
    await expect(loading).rejects.toThrow(UsageError)
    await expect(loading).rejects.toThrow(message)
  })
})

describe('TypeScript', () => {
  it('needs a Node.js that strips types', () => {
    expect(() => refuseTypeScriptOnOldNode('/a/signalbox.config.ts', false, 'v22.13.0')).toThrow(
      /signalbox\.config\.ts is TypeScript.*22\.18.*v22\.13\.0.*--experimental-strip-types/,
    )
    expect(() => refuseTypeScriptOnOldNode('/a/signalbox.config.mts', undefined, 'v20.0.0')).toThrow(UsageError)
    expect(refuseTypeScriptOnOldNode('/a/signalbox.config.ts', 'strip', 'v24.0.0')).toBeUndefined()
    expect(refuseTypeScriptOnOldNode('/a/signalbox.config.mjs', false, 'v22.13.0')).toBeUndefined()
  })
})
