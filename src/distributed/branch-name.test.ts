import { expect, it } from 'vitest'
import { formatBranchName, isLogName, newLogName, newTransactionId, parseBranchName, timeOfId } from './branch-name.ts'
import { preparedBranches, whyNotPrepared } from './branch-text.ts'

const ones = (bytes: Uint8Array): Uint8Array => bytes.fill(0xff)
const zeros = (bytes: Uint8Array): Uint8Array => bytes.fill(0)

it('ids are UUIDs of version 7, which know their time', () => {
  const now = Date.UTC(2026, 1, 3, 4, 5, 6, 789)
  for (const random of [ones, zeros]) {
    const id = newTransactionId(now, random)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(timeOfId(id)).toBe(now)
  }
  expect(newTransactionId(now, ones)).not.toBe(newTransactionId(now, zeros))
})

it('names are read back, and nobody else’s are', () => {
  const name = { log: newLogName(ones), id: newTransactionId(1, zeros), branch: 12 }
  const text = formatBranchName(name)
  expect(isLogName(name.log)).toBe(true)
  expect(parseBranchName(text)).toEqual(name)
  // What MySQL and MariaDB take for each of the two parts.
  expect(text.lastIndexOf('_')).toBeLessThanOrEqual(64)
  for (const other of ['', `x${text}`, `${text}x`, text.slice(0, -3), 'signalbox_1', text.toUpperCase()])
    expect(parseBranchName(other), other).toBeUndefined()
  const rows = [{ data: text, age_ms: 7 }, { data: Buffer.from(text) }, { data: 'somebody' }]
  const answer = { rows, rowCount: 3, fields: [], native: undefined }
  expect(preparedBranches(answer, name.log).map(({ ageMs }) => ageMs)).toEqual([7, undefined])
  expect(preparedBranches(answer, '00000000')).toEqual([])
})

it('servers that forget what they have prepared are known', () => {
  expect(whyNotPrepared('postgres', '0')).toContain('max_prepared_transactions')
  expect(whyNotPrepared('postgres', '5')).toBeUndefined()
  for (const old of ['10.4.34-MariaDB', '5.6.51', '5.5.5-MariaDB'])
    expect(whyNotPrepared('mysql', old), old).toContain(old)
  for (const enough of ['10.5.0-MariaDB-log', '10.11.19-MariaDB', '11.4.2-MariaDB', '5.7.44', '8.0.36', '9.1.0'])
    expect(whyNotPrepared('mysql', enough), enough).toBeUndefined()
})
