import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'
import type { Ended } from '../support/program.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('the example of publishing', () => {
  const install = exampleOf('publishing')

  function expectPublished({ code, output }: Ended): void {
    const behind = (title: string): readonly string[] => {
      const lines = output.split('\n')
      return lines
        .slice(lines.indexOf(title) + 1, lines.indexOf(title) + 4)
        .map((line) => line.trim().replace(/ +/g, ' '))
    }
    expect(behind('Before anything is published:')).toEqual(['Teapot draft', 'Signal lamp draft', 'Umbrella draft'])
    expect(output).toContain('Publish 1: product +1 ~0, review +1 ~0\nPublish 2: product +1 ~0, review +1 ~0')
    expect(behind('After a draft was changed:')).toEqual([
      'Teapot published',
      'Signal lamp changed since: description',
      'Umbrella draft',
    ])
    expect(output).toContain('Publish 2: product +0 ~1')
    expect(behind('After product 1 was withdrawn:')).toEqual([
      'Teapot draft',
      'Signal lamp published',
      'Umbrella draft',
    ])
    expect(output).toContain('Deleted everywhere: published 1, default 1')
    expect(output).toMatch(/foreign key/i)
    expect(output).not.toContain('It was not refused!')
    expect(code).toBe(0)
  }

  it('runs on SQLite files, and again on the files that are there', async () => {
    const { run } = await install()
    expectPublished(await run())
    expectPublished(await run())
  })

  const servers = testedEngines.filter((engine) => engine !== 'sqlite')
  it.each(servers)('runs on %s by one setting, on servers of its own and on given ones', async (engine) => {
    const ENGINE = engine === 'mysql' ? 'mariadb' : engine
    const { run } = await install()
    expectPublished(await run({ ENGINE }))
    await using drafts = await freshDatabase(engine)
    await using published = await freshDatabase(engine)
    expectPublished(await run({ ENGINE, DRAFTS_URL: drafts.dsn, PUBLISHED_URL: published.dsn }))
  })
})
