import { chmod, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { runProgram } from '../support/program.ts'
import { testedEngines } from '../support/servers.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const example = join(root, 'examples/sharding')

vi.setConfig({ testTimeout: 60_000 })

describe('the example of shards', () => {
  const folders: string[] = []
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  /** A copy of the example, with the link to Signalbox that `npm install` would make. */
  async function run(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const temporary = await mkdtemp(join(tmpdir(), 'signalbox-example-test-'))
    folders.push(temporary)
    // A PostgreSQL that runs as a user of its own has to get through.
    await chmod(temporary, 0o711)
    const folder = join(temporary, 'sharding')
    await mkdir(join(folder, 'node_modules'), { recursive: true })
    for (const file of ['package.json', 'databases.ts', 'main.ts']) await cp(join(example, file), join(folder, file))
    await symlink(root, join(folder, 'node_modules/signalbox'))
    const { code, output } = await runProgram([join(folder, 'main.ts')], { temporary, env })
    expect(output).not.toContain('at file:')
    expect(code).toBe(0)
    return output.split('\n').map((line) => line.trim())
  }

  it.each((['sqlite', 'postgres'] as const).filter((engine) => testedEngines.includes(engine)))(
    'runs on %s',
    async (engine) => {
      const lines = await run({ ENGINE: engine })
      const behind = (title: string, count: number): readonly string[] =>
        lines.slice(lines.indexOf(title) + 2, lines.indexOf(title) + 2 + count)
      expect(behind('By the key: one shard', 2)).toEqual(['→ bergen', '{"name":"customer 7"}'])
      expect(behind('Joined on the key: the same shard', 4)).toEqual([
        '→ bergen',
        ...[1, 2, 3].map((id) => `{"name":"customer 7","id":${id},"total":${7 * id}}`),
      ])
      expect(behind('Without the key: all shards, in one order', 4)).toEqual([
        '→ amsterdam, bergen, cork',
        ...[30, 29, 28].map((id) => `{"id":${id},"name":"customer ${id}"}`),
      ])
      // PostgreSQL's counts and sums are bigints, which its driver gives as text.
      const numbers = behind('Groups of all shards, with a reference table', 4).map((line) =>
        line.replaceAll(/"(\d+)"/g, '$1'),
      )
      expect(numbers).toEqual([
        '→ amsterdam, bergen, cork',
        '{"name":"Netherlands","orders":17,"total":462}',
        '{"name":"Ireland","orders":15,"total":381}',
        '{"name":"Norway","orders":13,"total":291}',
      ])
      expect(behind('A change without the key', 1)[0]).toContain('✗ SIGNALBOX_SHARD_KEY_MISSING')
      expect(behind('What cannot be put together from parts', 1)[0]).toContain('✗ SIGNALBOX_CANNOT_SCATTER')
      expect(behind('Of the shard of customer 7', 1)).toEqual(['→ bergen'])
    },
  )
})
