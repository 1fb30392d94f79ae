import { readdir } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import type { Ended } from '../support/program.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('the example of functional separation', () => {
  const install = exampleOf('functional-separation')

  function expectListing({ code, output }: Ended): void {
    expect(output).toContain(
      'Teapot: Holds a litre, and does not drip. Ordered 2 times.\n  ★★★★★ It really does not drip. (Ada)',
    )
    expect(output).toContain('★★☆☆☆ Too small for my family. (unknown customer 3)')
    expect(output).toContain('Umbrella: For two. Ordered 0 times.\n  no reviews yet')
    expect(output).toContain('Customers that reviews name and nobody knows: 3')
    expect(output).toContain('→ reviews, shard main, primary, as a read')
    expect(output).toContain('One statement cannot join tables of different databases')
    expect(output).toContain('"reviews" is exclusive')
    expect(output).not.toContain('It was not refused!')
    expect(code).toBe(0)
  }

  it('runs on SQLite files, and again on the files that are there', async () => {
    const { folder, run } = await install()
    expectListing(await run())
    expectListing(await run())
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['shop.db', 'reviews.db']))
  })

  const servers = testedEngines.filter((engine) => engine !== 'sqlite')
  it.each(servers)('runs on %s by one setting, on servers of its own and on given ones', async (engine) => {
    const ENGINE = engine === 'mysql' ? 'mariadb' : engine
    const { run } = await install()
    expectListing(await run({ ENGINE }))
    await using shop = await freshDatabase(engine)
    await using reviews = await freshDatabase(engine)
    expectListing(await run({ ENGINE, SHOP_URL: shop.dsn, REVIEWS_URL: reviews.dsn }))
  })

  it('says what the setting may be', async () => {
    const { code, output } = await (await install()).run({ ENGINE: 'oracle' })
    expect(output).toContain('ENGINE=oracle: use sqlite, postgres or mariadb.')
    expect(code).toBe(1)
  })
})
