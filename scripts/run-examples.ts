import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { findExamples, type Example } from './examples/find.ts'
import { Places } from './examples/places.ts'
import { worldOf } from './examples/world.ts'

/**
 * Runs every TypeScript example of the documentation and of the doc comments on real servers, against the built package. Each is a
 * process of its own, with databases of its own that have the tables of the examples' shop in place of those that it
 * names. It fails if one throws, or is not done within a minute.
 */
const root = join(import.meta.dirname, '..')
const folder = join(root, '.signalbox', 'run-examples')
const limitMs = 60_000
const atATime = 2

/** Decorators have to be compiled away, so all of it is compiled; what is wrong in it finds check-examples.ts. */
function compile(examples: readonly Example[]): void {
  for (const [index, { source, code }] of examples.entries())
    writeFileSync(
      join(folder, `example-${index + 1}.ts`),
      [`// ${source}`, worldOf(code), code, 'export {}', ''].join('\n'),
    )
  const compilerOptions = {
    noEmit: false,
    noCheck: true,
    // What they import is built already; the sources would be emitted, too.
    noResolve: true,
    declaration: false,
    sourceMap: false,
    rootDir: '.',
    outDir: 'out',
  }
  const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'inherit' })
}

/** What went wrong, or undefined. */
async function run(places: Places, source: string, number: number): Promise<string | undefined> {
  const file = join(folder, 'out', `example-${number}.js`)
  const cwd = join(folder, `files-${number}`)
  mkdirSync(cwd)
  writeFileSync(file, await places.fill(readFileSync(file, 'utf8'), cwd))
  // A pool that nobody closes keeps its process alive for a while; what the example has begun may end first.
  const script = `await import(${JSON.stringify(pathToFileURL(file).href)}); setTimeout(process.exit, 50, 0)`
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd,
      timeout: limitMs,
      env: { ...process.env, NODE_NUMBER: '1' },
    })
    return undefined
  } catch (error) {
    const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string }
    return `${source} ${killed === true ? `was not done within ${limitMs} ms` : 'failed'}:\n${stderr ?? String(error)}`
  }
}

const only = process.argv.slice(2)
const all = findExamples()
const examples = all.filter(({ source }) => only.length === 0 || only.some((part) => source.startsWith(part)))
if (examples.length === 0) throw new Error(`No example stands in ${only.join(', ')}.`)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
compile(examples)
await using places = await Places.start()

if (all.length > examples.length) console.log(`${all.length - examples.length} examples are left out, as asked.`)
const failures: string[] = []
const waiting = examples.entries()
await Promise.all(
  Array.from({ length: atATime }, async () => {
    for (const [index, { source }] of waiting) {
      const failure = await run(places, source, index + 1)
      if (failure !== undefined) failures.push(failure)
    }
  }),
)
for (const failure of failures) console.error(failure)
console.log(`${examples.length - failures.length} of ${examples.length} examples ran to their end on real servers.`)
if (failures.length > 0) process.exitCode = 1
