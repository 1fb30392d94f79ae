import { readdir } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import { exampleOf } from '../support/example.ts'
import type { Ended } from '../support/program.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

vi.setConfig({ testTimeout: 60_000 })

const production = '  Teapot, 20 € “It really does not drip.”\n  Signal lamp, 30 €\n  Umbrella, 15 €\n'

describe('the example of shadowing', () => {
  const install = exampleOf('shadowing')

  function expectSeen({ code, output }: Ended, seen: string): void {
    expect(output).toContain(`Production:\n${production}`)
    expect(output).toContain(`What the developer sees:\n${seen}`)
    expect(output).toContain(`What production has still:\n${production}`)
    expect(output).toContain('customer is shown as "production" has it, and that is never written.')
    expect(output).not.toContain('It was not refused!')
    expect(code).toBe(0)
  }

  const augmented = '  Signal lamp, 60 € “Only I can read this.”\n  Umbrella, 15 €\n  Whistle, 5 €\n'
  const replaced = '  Teapot, 20 €\n  Signal lamp, 30 € “Only I can read this.”\n  Umbrella, 15 €\n'

  it('runs on SQLite files, and again on the files that are there', async () => {
    const { folder, run } = await install()
    const ended = await run()
    expectSeen(ended, augmented)
    expect(ended.output).toContain('UNIQUE constraint failed: product.name')
    expectSeen(await run(), augmented)
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['production.db', 'dev.db']))
  })

  it.runIf(testedEngines.includes('postgres'))('runs on PostgreSQL by one setting', async () => {
    const ended = await (await install()).run({ ENGINE: 'postgres' })
    expectSeen(ended, augmented)
    expect(ended.output).toContain('duplicate key value violates unique constraint')
  })

  it.each(testedEngines.filter((engine) => engine !== 'sqlite'))(
    'runs on given servers of %s, and again',
    async (engine) => {
      await using base = await freshDatabase(engine)
      await using local = await freshDatabase(engine)
      const ENGINE = engine === 'mysql' ? 'mariadb' : engine
      const { run } = await install()
      const seen = engine === 'mysql' ? replaced : augmented
      expectSeen(await run({ ENGINE, PRODUCTION_URL: base.dsn, LOCAL_URL: local.dsn }), seen)
      expectSeen(await run({ ENGINE, PRODUCTION_URL: base.dsn, LOCAL_URL: local.dsn }), seen)
    },
  )

  it.runIf(testedEngines.includes('mysql'))('runs on MariaDB, with replaced reviews', async () => {
    expectSeen(await (await install()).run({ ENGINE: 'mariadb' }), replaced)
  })
})
