import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { requireNode } from './node-version.ts'

it('is as new as package.json says, or refused', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly engines: { readonly node: string }
  }
  for (const version of ['22.13.0', '22.20.1', '24.0.0', '100.1.0']) expect(() => requireNode(version)).not.toThrow()
  for (const version of ['22.12.9', '20.20.2', '18.0.0', '9.99.0']) {
    const refusal = `Signalbox needs Node.js ${engines.node.replace('>=', '')} or later, and this is ${version}.`
    expect(() => requireNode(version)).toThrow(refusal)
  }
})

it('is the first thing that each entry loads', () => {
  for (const entry of ['index.ts', 'testing/index.ts']) {
    const [first] = readFileSync(new URL(entry, import.meta.url), 'utf8').match(/^(?:import|export) .*$/m) ?? []
    expect(first, entry).toMatch(/^import '\.{1,2}\/node-version\.ts'$/)
  }
})
