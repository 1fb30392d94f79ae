import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { findingCodes, reachFailureKinds } from './check-report.ts'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

it('docs/cli.md explains every finding, and no other', () => {
  const documented = [...page.matchAll(/^\| `([a-z-]+)` +\| (?:error|warning) /gm)].map(([, code]) => code)
  expect(new Set(documented)).toEqual(new Set(findingCodes))
})

it('docs/cli.md names every kind of failure, and no other', () => {
  const sentence = /^The kinds of a failure: ([^.]+)\./m.exec(page)?.[1] ?? ''
  expect(new Set([...sentence.matchAll(/`([a-z-]+)`/g)].map(([, kind]) => kind))).toEqual(new Set(reachFailureKinds))
})
