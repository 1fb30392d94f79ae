import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import { testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('the example of shards', () => {
  const install = exampleOf('sharding')

  it.each(testedEngines)('runs on %s by one setting', async (engine) => {
    const { run } = await install()
    const { code, output } = await run({ ENGINE: engine === 'mysql' ? 'mariadb' : engine })
    expect(output).not.toContain('at file:')
    expect(code).toBe(0)
    const lines = output.split('\n').map((line) => line.trim())
    const behind = (title: string, count: number): readonly string[] =>
      lines.slice(lines.indexOf(title) + 2, lines.indexOf(title) + 2 + count)
    const all = '→ amsterdam, bergen, cork'
    expect(behind('By the key: one shard', 2)).toEqual(['→ bergen', '{"name":"customer 7"}'])
    expect(behind('Joined on the key: the same shard', 4)).toEqual([
      '→ bergen',
      ...[1, 2, 3].map((id) => `{"name":"customer 7","id":${id},"pieces":7}`),
    ])
    expect(behind('Without the key: all shards, in one order', 4)).toEqual([
      all,
      ...[30, 29, 28].map((id) => `{"id":${id},"name":"customer ${id}"}`),
    ])
    // Drivers give counts, sums and averages that JavaScript might round as text.
    const numbers = (line: string): string => line.replaceAll(/"(\d+(?:\.\d+)?)"/g, '$1')
    expect(behind('Groups of all shards, with a reference table', 4).map(numbers)).toEqual([
      all,
      '{"name":"Teapot","orders":23,"total":10590}',
      '{"name":"Signal lamp","orders":15,"total":10485}',
      '{"name":"Umbrella","orders":7,"total":2100}',
    ])
    const [where, average = ''] = behind('An average of all shards, which no shard could know', 2).map(numbers)
    expect(where).toBe(all)
    const { reviews, rating } = JSON.parse(average) as { readonly reviews: number; readonly rating: number }
    expect(reviews).toBe(23)
    expect(rating).toBeCloseTo(66 / 23, 3)
    expect(behind('A change without the key', 1)[0]).toContain('✗ SIGNALBOX_SHARD_KEY_MISSING')
    expect(behind('What cannot be put together from parts', 1)[0]).toContain('✗ SIGNALBOX_CANNOT_SCATTER')
    expect(behind('Of the shard of customer 7', 1)).toEqual(['→ bergen'])
  })

  it('says what the setting may be', async () => {
    const { code, output } = await (await install()).run({ ENGINE: 'oracle' })
    expect(output).toContain('ENGINE=oracle: use sqlite, postgres or mariadb.')
    expect(code).toBe(1)
  })
})
