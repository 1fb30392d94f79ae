import { expect, it } from 'vitest'
import { encodeToken } from './session-token.ts'
import { TokenReader } from './token-reader.ts'

const key = 'a secret of sixteen bytes'
const entry = (lsn: number) =>
  ({ database: 'shop', shard: 'main', position: { kind: 'lsn', timeline: 1, lsn: BigInt(lsn) } }) as const

it('A token that was read before is read again at its present age, and a forged one never', () => {
  const reader = new TokenReader([key])
  const token = encodeToken([entry(7)], [key], 1_000)
  const content = reader.read(token, 1_500, 1_000)
  expect(content).toEqual({ issuedAt: 1_000, entries: [entry(7)] })
  expect(reader.read(token, 2_000, 1_000)).toBe(content)
  expect(reader.read(token, 2_001, 1_000)).toEqual({ fault: 'expired' })
  const forged = encodeToken([entry(7)], ['another secret of its own'], 1_000)
  for (let n = 0; n < 2; n++) expect(reader.read(forged, 1_000, 1_000)).toEqual({ fault: 'signature' })
  for (const garbage of [undefined, 7, '', 's2.x.y']) expect(reader.read(garbage, 0, 1)).toHaveProperty('fault')
})

it('So many tokens are remembered, and those beyond are read anew', () => {
  const reader = new TokenReader([key])
  const tokens = Array.from({ length: 1_001 }, (_, n) => encodeToken([entry(n)], [key], 0))
  const [first, ...others] = tokens.map((token) => reader.read(token, 0, 1))
  expect(others.map((content, n) => reader.read(tokens[n + 1], 0, 1) === content)).not.toContain(false)
  const again = reader.read(tokens[0], 0, 1)
  expect(again).toEqual(first)
  expect(again).not.toBe(first)
})
