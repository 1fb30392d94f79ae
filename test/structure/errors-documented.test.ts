import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorCodes } from '../../src/errors.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

function documented(): Readonly<Record<string, string>> {
  const entries = [...page.matchAll(/^### (\S+)\n(.*)$/gm)].map(([, code = '', summary = '']) => [code, summary])
  return Object.fromEntries(entries) as Record<string, string>
}

it('docs/errors.md explains every error code, with the summary of the table, and no other', () => {
  expect(documented()).toEqual(errorCodes)
})

it('every explanation says more than the summary', () => {
  for (const section of page.split(/^### /m).slice(1)) {
    const lines = section.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
    expect(lines.length, lines[0]).toBeGreaterThanOrEqual(3)
  }
})
