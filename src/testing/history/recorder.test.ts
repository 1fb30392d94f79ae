import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkHistory } from './check.ts'
import { readHistory } from './history-file.ts'
import type { FinalState, Operation } from './operation.ts'
import { OperationTable } from './operation-table.ts'
import { HistoryRecorder } from './recorder.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

class Refused extends Error {}

const final: FinalState = {
  values: new Map([['x', { version: 1, opId: 'a1' }]]),
  applied: Array.from({ length: 2500 }, (_, index) => ({ key: 'x', version: index, opId: `ä${index}` })),
}

/** Records one operation of each kind and outcome. */
async function recordAll(recorder: HistoryRecorder): Promise<readonly Operation[]> {
  const session = recorder.session('A')
  return [
    await session.write('x', 'a1', async () => ({ version: 1, server: 'primary' })),
    await session.increment('y', 'a2', async () => ({ version: 7 })),
    await session.read('x', async () => ({ version: 1, opId: 'a1', server: 'réplica' })),
    await session.read('z', async () => undefined),
    await session.write('x', 'a3', () => Promise.reject(new Refused('no "tea"\n'))),
    await session.write('x', 'a4', () => Promise.reject(new Error('gone'))),
    await recorder.session().read('x', () => Promise.reject(new Error('no server'))),
  ]
}

function ticking(): () => number {
  let ms = 100
  return () => (ms += 1.5)
}

const outcomeOf = (error: unknown): 'failed' | 'unknown' => (error instanceof Refused ? 'failed' : 'unknown')

const expected: readonly Operation[] = [
  { kind: 'write', key: 'x', opId: 'a1', version: 1, server: 'primary', outcome: 'ok' } as const,
  { kind: 'increment', key: 'y', opId: 'a2', version: 7, outcome: 'ok' } as const,
  { kind: 'read', key: 'x', value: { version: 1, opId: 'a1' }, server: 'réplica', outcome: 'ok' } as const,
  { kind: 'read', key: 'z', outcome: 'ok' } as const,
  { kind: 'write', key: 'x', opId: 'a3', outcome: 'failed', error: 'no "tea"\n' } as const,
  { kind: 'write', key: 'x', opId: 'a4', outcome: 'unknown', error: 'gone' } as const,
  { kind: 'read', key: 'x', outcome: 'failed', error: 'no server' } as const,
].map((operation, index) => ({
  ...operation,
  session: index === 6 ? 's2' : 'A',
  begin: index * 2,
  end: index * 2 + 1,
  startedMs: 101.5 + index * 3,
  endedMs: 103 + index * 3,
}))

describe('a recorder', () => {
  it.each([false, true])('hands back what happened (through a file: %s)', async (hasFile) => {
    const path = join(folder, 'all.jsonl')
    const recorder = new HistoryRecorder({ clock: ticking(), outcomeOf, ...(hasFile && { path }) })
    expect(await recordAll(recorder)).toEqual(expected)
    expect(recorder.operations).toBe(7)
    recorder.finish(final)
    const history = recorder.history()
    expect([...history.operations]).toEqual(expected)
    expect(history.final).toEqual(final)
    if (hasFile) expect(readHistory(path)).toEqual(history)
  })

  it('does not know the outcome of a write that threw, if nobody says', async () => {
    const recorder = new HistoryRecorder({ clock: ticking() })
    expect(await recorder.session().write('x', 'a1', () => Promise.reject(new Refused()))).toMatchObject({
      outcome: 'unknown',
    })
  })

  it('gives overlapping operations overlapping places, also when the clock stands still', async () => {
    const recorder = new HistoryRecorder({ clock: () => 0 })
    const session = recorder.session()
    const first = Promise.withResolvers<{ version: number }>()
    const write = session.write('x', 'a1', () => first.promise)
    const read = await session.read('x', async () => undefined)
    first.resolve({ version: 1 })
    expect(await write).toMatchObject({ begin: 0, end: 3 })
    expect(read).toMatchObject({ begin: 1, end: 2 })
    recorder.finish()
    expect(checkHistory(recorder.history()).ok).toBe(true)
  })

  it('records what still runs in the end as unknown, and nothing that comes later', async () => {
    const recorder = new HistoryRecorder({ clock: ticking(), path: join(folder, 'late.jsonl') })
    const answer = Promise.withResolvers<{ version: number }>()
    const late = recorder.session('A').write('x', 'a1', () => answer.promise)
    expect(() => recorder.history()).toThrow(/Call finish\(\)/)
    recorder.finish()
    recorder.finish(final)
    answer.resolve({ version: 1 })
    await late
    await recorder.session('A').read('x', async () => undefined)
    const { operations, ...rest } = recorder.history()
    expect([...operations]).toMatchObject([{ opId: 'a1', outcome: 'unknown' }])
    expect(rest).toEqual({})
    expect(recorder.operations).toBe(1)
  })

  it('refuses a version that is no number, as drivers like to give for big integers', async () => {
    const session = new HistoryRecorder({ clock: ticking() }).session()
    const text = '1' as unknown as number
    await expect(session.write('x', 'a1', async () => ({ version: text }))).rejects.toThrow(TypeError)
    await expect(session.read('x', async () => ({ version: text, opId: 'a1' }))).rejects.toThrow(/must be an integer/)
  })
})

describe('a file', () => {
  it('holds one JSON object in a line', async () => {
    const path = join(folder, 'lines.jsonl')
    const recorder = new HistoryRecorder({ clock: ticking(), outcomeOf, path })
    await recordAll(recorder)
    recorder.finish({ values: new Map() })
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    expect(JSON.parse(lines[0]!)).toEqual({ operation: expected[0] })
    expect(lines).toHaveLength(8)
    expect(readHistory(path).final).toEqual({ values: new Map() })
  })

  it('is read without a last line that was cut off, and not with a broken one in between', async () => {
    const path = join(folder, 'cut.jsonl')
    const recorder = new HistoryRecorder({ clock: ticking(), outcomeOf, path })
    await recordAll(recorder)
    recorder.finish()
    appendFileSync(path, '{"operation":{"kind":"wr')
    expect([...readHistory(path).operations]).toEqual(expected)
    appendFileSync(path, '\n{}\n')
    expect(() => readHistory(path)).toThrow(SyntaxError)
  })

  it('is written in portions, with no letter cut in two', async () => {
    const path = join(folder, 'large.jsonl')
    const name = '€𝄞'.repeat(40)
    const recorder = new HistoryRecorder({ clock: ticking(), path })
    const session = recorder.session(name)
    for (let index = 0; index < 20_000; index++) await session.read(`ключ${index}`, async () => undefined)
    expect(readFileSync(path).length).toBeGreaterThan(1_000_000)
    recorder.finish(final)
    const { operations } = readHistory(path)
    let index = 0
    for (const { key, session: seen } of operations) {
      expect(key === `ключ${index++}` && seen === name).toBe(true)
    }
    expect(index).toBe(20_000)
  })
})

it('a table gives back what was put in, and throws for what is not there', () => {
  const table = OperationTable.of(expected)
  expect(OperationTable.of(table)).toBe(table)
  expect([...table]).toEqual(expected)
  expect(() => table.at(7)).toThrow(RangeError)
  expect(() => table.at(-1)).toThrow(RangeError)
  expect(() => table.keyNames.at(99)).toThrow(RangeError)
})
