import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const folder = new URL('../../examples/', import.meta.url)
/** Those of query tools are of their own kind: they share a shop, and show one line each. */
const names = readdirSync(folder).filter((name) => name !== 'orms')

const read = (name: string, file: string): string => readFileSync(new URL(`${name}/${file}`, folder), 'utf8')

interface Manifest {
  readonly name: string
  readonly private: boolean
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

interface RootManifest {
  readonly devDependencies: Readonly<Record<string, string>>
}

it('there are examples', () => {
  expect(names).toEqual(expect.arrayContaining(['all-together', 'functional-separation', 'replication', 'sharding']))
})

describe.each(names)('the example %s', (name) => {
  const sources = readdirSync(new URL(`${name}/`, folder)).filter((file) => file.endsWith('.ts'))

  it('is a project of its own, which needs nothing but Signalbox', () => {
    const manifest = JSON.parse(read(name, 'package.json')) as Manifest
    expect(manifest).toMatchObject({ name, private: true, scripts: { start: 'node main.ts' } })
    expect(manifest.dependencies).toEqual({ signalbox: 'file:../..' })
    for (const file of sources) {
      const imported = [...read(name, file).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, from = '']) => from)
      for (const from of imported) expect(from, file).toMatch(/^(?:node:|signalbox(?:\/|$)|\.\/)/)
    }
  })

  it('runs on the oldest Node.js that it allows, which knows no `using`', () => {
    expect(JSON.parse(read(name, 'package.json'))).toMatchObject({ engines: { node: '>=22.18' } })
    for (const file of sources) expect(read(name, file), file).not.toMatch(/^\s*(?:await )?using /m)
  })

  it('can be read in a few minutes', () => {
    const lines = sources.map((file) => read(name, file).split('\n').length)
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(220)
  })

  it('says how to run it, on each engine, and when not to do it at all', () => {
    const page = read(name, 'README.md')
    expect(page).toContain('```sh\nnpm install\nnpm start\n```')
    expect(page).toMatch(/One setting, `ENGINE`: `sqlite` \(the default\), `postgres` or `mariadb`\./)
    expect(page).toMatch(/^## When it is too much$/m)
  })

  it('has rows of the same shop as the others', () => {
    const tables = [...read(name, 'main.ts').matchAll(/create table (?:if not exists )?(\w+)/g)].map(
      ([, table]) => table,
    )
    expect(tables.length).toBeGreaterThan(0)
    for (const table of tables) expect(['product', 'customer', 'purchase', 'review']).toContain(table)
  })

  it('is run by the tests, and named in the README', () => {
    const test = readFileSync(new URL(`../examples/${name}-example.test.ts`, import.meta.url), 'utf8')
    expect(test).toContain(`exampleOf('${name}')`)
    expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain(`(examples/${name})`)
  })
})

const orms = readdirSync(new URL('orms/', folder)).filter((name) => !name.endsWith('.ts') && name !== 'node_modules')

describe.each(orms)('the example of the query tool %s', (name) => {
  const sources = readdirSync(new URL(`orms/${name}/`, folder)).filter((file) => file.endsWith('.ts'))

  it('is a project of its own, with the versions that are tested', () => {
    const manifest = JSON.parse(read(`orms/${name}`, 'package.json')) as Manifest
    expect(manifest).toMatchObject({ name, private: true, scripts: { start: 'node main.ts' } })
    const { signalbox, ...others } = manifest.dependencies
    expect(signalbox).toBe('file:../../..')
    const root = JSON.parse(readFileSync(new URL('../package.json', folder), 'utf8')) as RootManifest
    expect(root.devDependencies).toMatchObject(others)
    for (const file of sources) {
      const imported = [...read(`orms/${name}`, file).matchAll(/(?:from|import\()\s*'([^']+)'/g)]
      for (const [, from = ''] of imported) {
        const [scope = '', rest] = from.split('/')
        const dependency = scope.startsWith('@') ? `${scope}/${rest}` : scope
        if (!/^(?:\.|node:)/.test(from)) expect(Object.keys(manifest.dependencies), file).toContain(dependency)
      }
    }
  })

  it('is short, says how to run it, and is named in the table of tools', () => {
    const lines = sources.map((file) => read(`orms/${name}`, file).split('\n').length)
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(120)
    expect(read(`orms/${name}`, 'README.md')).toMatch(/```sh\nnpm install\n(?:npm run generate\n)?npm start\n```/)
    expect(read(`orms/${name}`, 'main.ts')).toContain('pgFor(client)')
    const page = readFileSync(new URL('../docs/orms.md', folder), 'utf8')
    expect(page.toLowerCase()).toMatch(new RegExp(`^\\| ${name.replace('-', '-?')}`, 'm'))
  })
})
