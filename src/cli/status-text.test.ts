import { expect, it } from 'vitest'
import type { ServerReport, StatusReport } from './status-report.ts'
import { statusText } from './status-text.ts'
import type { Terminal } from './terminal.ts'

const terminal: Terminal = {
  write: async () => undefined,
  writeError: async () => undefined,
  style: (style, text) => (style === 'yellow' ? `<${text}>` : text),
  columns: 100,
  read: async () => '',
  ask: async () => undefined,
  isInteractive: true,
  interruption: () => new AbortController().signal,
}

const server = (name: string, open: number | null): ServerReport => ({
  server: `shop/main/${name}`,
  address: `postgres://app@${name}/shop`,
  role: 'replica',
  declaredRole: 'replica',
  state: 'up',
  position: '1:16/B3748F10',
  lagMs: 0,
  isLagLonger: false,
  bytesBehind: 0,
  probeAgeMs: 1,
  connections: open === null ? null : { open, max: 1_000, mine: 1, pool: 13 },
  version: '10.11.19-MariaDB',
  out: null,
  sameAs: null,
})

const report = (...servers: readonly ServerReport[]): StatusReport => ({
  ok: true,
  at: new Date(0).toISOString(),
  shards: [{ database: 'shop', shard: 'main', engine: 'postgres', primary: null, servers, discovery: null }],
  problems: [],
})

it('Connections stand in the table as open and at most, yellow from 80 % on, and empty where they are not known', () => {
  const text = statusText(
    report(server('replica-1', 799), server('replica-2', 800), server('replica-3', 1_000), server('replica-4', null)),
    { ...terminal, columns: 120 },
  )
  const cells = text.split('\n').flatMap((line) => /replica-\d .* 0 B +(\S*) +10\.11/.exec(line)?.[1] ?? [])
  expect(cells).toEqual(['799/1000', '<800/1000>', '<1000/1000>', ''])
})

it.each([
  ['PostgreSQL', '1:16/B3748F10', '16.14'],
  ['MariaDB', '0-1-1234567', '10.11.19-MariaDB'],
])('A table of %s servers that are all well fits into 100 columns', (_, position, version) => {
  const lines = statusText(report({ ...server('replica-1', 1_000), position, version }), {
    ...terminal,
    style: (_style, text) => text,
  }).split('\n')
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100)
})

it.each([
  ['is left out where the table would be too wide with it', 100, false],
  ['is left out where nothing would be left for the reason', 110, false],
  ['is shown where there is room', 120, true],
])('The version %s', (_, columns, isShown) => {
  const out = { ...server('replica-2', null), state: 'probing', out: 'no answer within 500 ms' } as const
  const text = statusText(report(server('replica-1', 1_000), out), {
    ...terminal,
    columns,
    style: (_style, cell) => cell,
  })
  const table = text.split('\n').slice(0, 3)
  expect(text.includes('VERSION')).toBe(isShown)
  expect(text.includes('10.11')).toBe(isShown)
  expect(table[2]).toMatch(/ no answer .*…$/)
  expect(Math.max(...table.map(({ length }) => length))).toBeLessThanOrEqual(columns)
})
