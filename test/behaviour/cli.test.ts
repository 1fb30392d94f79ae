import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { CheckReport } from '../../src/cli/check-report.ts'
import type { Explanation } from '../../src/cli/explanation-text.ts'
import { connect } from '../../src/index.ts'
import { freePort } from '../../src/testing/index.ts'
import { folderOfEachTest, spawnCli, type SpawnedCliAnswer, type SpawnedCliWishes } from '../support/cli.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'

const root = new URL('../../', import.meta.url)

const folder = folderOfEachTest()

async function signalbox(args: readonly string[], wishes: Partial<SpawnedCliWishes> = {}): Promise<SpawnedCliAnswer> {
  return await spawnCli(args, { cwd: folder.path, ...wishes })
}

function sqliteFile(name: string, ...tables: readonly string[]): string {
  const db = new DatabaseSync(join(folder.path, name))
  for (const table of tables) db.exec(`create table "${table}" (id integer primary key, product_id integer)`)
  db.close()
  return `sqlite:./${name}`
}

async function writeConfig(config: unknown, name = 'signalbox.config.mjs'): Promise<string> {
  const file = join(folder.path, name)
  await writeFile(file, `export default ${JSON.stringify(config)}`)
  return file
}

async function checkJson(
  args: readonly string[] = [],
  wishes: Partial<SpawnedCliWishes> = {},
): Promise<SpawnedCliAnswer & { readonly report: CheckReport }> {
  const answer = await signalbox(['check', '--json', ...args], wishes)
  return { ...answer, report: JSON.parse(answer.out) as CheckReport }
}

describe('help and usage', () => {
  it('explains itself, with examples, exit codes and environment', async () => {
    const { code, out, err } = await signalbox(['--help'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const part of [
      'explain',
      'check',
      'Examples:',
      'Exit codes:',
      'Environment:',
      'SIGNALBOX_URL',
      'defineConfig',
    ])
      expect(out).toContain(part)
    for (const command of ['explain', 'check', 'status', 'shards']) {
      const help = await signalbox([command, '--help'])
      expect(help.code).toBe(0)
      for (const part of ['Examples:', 'Exit codes:', '--json', '--config', '--url']) expect(help.out).toContain(part)
      expect(Math.max(...help.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
    }
  })

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
    expect(await signalbox(['--version'])).toMatchObject({ code: 0, out: `${version}\n`, err: '' })
  })

  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['check', '--timeout', 'soon'], /whole number of milliseconds/],
    [['check', '--processes', '0'], /whole number from 1/],
    [['check', '--url', 'sqlite:./a.db', '--config', 'b.ts'], /cannot be used with/],
    [['explain'], /missing required argument/],
    [['explain', 'select 1', '--param', 'shop', '--url', 'sqlite::memory:'], /"shop" is no JSON/],
    [['explain', ' ', '--url', 'sqlite::memory:'], /The statement is empty/],
    [['check'], /There is no signalbox\.config\.ts .*--config.*--url/s],
    [['check', '--url', 'oracle://u:secret@h/x'], /SIGNALBOX_CONFIG_INVALID/],
    [['postgres://u:secret@h/x'], /unknown command 'postgres:\/\/u:\*\*\*@h\/x'/],
  ])('answers %j with exit code 2', async (args, message) => {
    const { code, out, err } = await signalbox(args)
    expect(code).toBe(2)
    expect(err).toMatch(message)
    expect(out + err).not.toContain('secret')
  })
})

describe('configuration', () => {
  it('reads TypeScript, from a folder further up, with paths relative to the file', async () => {
    sqliteFile('shop.db', 'product')
    await writeFile(
      join(folder.path, 'signalbox.config.ts'),
      `import { defineConfig } from ${JSON.stringify(new URL('src/index.ts', root).href)}
       const file: string = './shop.db'
       export default defineConfig(async () => ({ databases: { shop: \`sqlite:\${file}\` } }))`,
    )
    const nested = join(folder.path, 'a/b')
    await mkdir(nested, { recursive: true })
    const { code, report, err } = await checkJson([], { cwd: nested })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(report.databases).toMatchObject([{ alias: 'shop', reachable: true, tableCount: 1 }])
  })

  it.each([
    [
      { databases: { shop: 'sqlite:./a.db' }, tables: { review: 'shp' } },
      'tables.review',
      'SIGNALBOX_UNKNOWN_DATABASE',
    ],
    [
      { databases: { shop: { primary: 'sqlite:./a.db', colour: 1 } } },
      'databases.shop.colour',
      'SIGNALBOX_CONFIG_INVALID',
    ],
    [{ databases: { shop: 'postgres://u:se@cret@/x' } }, 'databases.shop', 'SIGNALBOX_CONFIG_INVALID'],
  ])('names the place of what is wrong in %j', async (config, path, failure) => {
    await writeConfig(config)
    const { code, err, out } = await signalbox(['check'])
    expect(code).toBe(2)
    expect(err.replace(/\s+/g, ' ')).toContain(path)
    expect(err).toContain(failure)
    expect(out + err).not.toContain('cret')
    const json = await signalbox(['check', '--json'])
    expect(json.code).toBe(2)
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: failure } })
  })

  it('names a file that does not load', async () => {
    await writeFile(join(folder.path, 'broken.ts'), 'export default {')
    const { code, err } = await signalbox(['check', '--config', 'broken.ts'])
    expect(code).toBe(2)
    expect(err.replace(/\s+/g, '')).toContain(join(folder.path, 'broken.ts'))
  })

  it('ends although the configuration holds something open', async () => {
    sqliteFile('shop.db')
    await writeFile(
      join(folder.path, 'signalbox.config.mjs'),
      `setInterval(() => {}, 1000); export default { databases: { shop: 'sqlite:./shop.db' } }`,
    )
    expect((await signalbox(['check'])).code).toBe(0)
  })
})

describe('explain', () => {
  const config = {
    databases: { default: 'shop', shop: 'postgres://u:secret@127.0.0.1:1/x', reviews: 'sqlite:./reviews.db' },
    tables: { review: 'reviews' },
  }

  it('says where a statement goes and why, and what is in it, without any server or file', async () => {
    await writeConfig(config)
    const { code, out, err } = await signalbox(['explain', 'select count(*) from review where product_id = ?', '7'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^→ reviews, .*as a read$/m)
    expect(out).toMatch(/review lives in "reviews".*\[home\]/)
    expect(out).toMatch(/reads +review/)
    expect(out).toMatch(/calls +count\(\)/)
    expect(out).toMatch(/values +review\.product_id = \?1 \("7"\)/)
    expect(await readdir(folder.path)).toEqual(['signalbox.config.mjs'])
  })

  it('refuses a join across databases with exit code 1, and says what was found', async () => {
    await writeConfig(config)
    const sql = 'select * from review r join product p on p.id = r.product_id'
    const { code, out } = await signalbox(['explain', sql])
    expect(code).toBe(1)
    expect(out).toContain('SIGNALBOX_CROSS_DATABASE_QUERY')
    expect(out).toMatch(/reads +review, product/)
    const json = await signalbox(['explain', sql, '--json'])
    expect(json.code).toBe(1)
    const explanation = JSON.parse(json.out) as Explanation
    expect(explanation.route).toBeUndefined()
    expect(explanation.error).toMatchObject({
      code: 'SIGNALBOX_CROSS_DATABASE_QUERY',
      tables: [
        { table: 'review', database: 'reviews' },
        { table: 'product', database: 'shop' },
      ],
    })
    expect(explanation.analysis).toMatchObject({ dialect: 'postgres', kind: 'read' })
  })

  it('reads the statement from the standard input, and prints JSON', async () => {
    await writeConfig(config)
    const { code, out } = await signalbox(['explain', '-', '--json', '--param', '7'], {
      input: 'update product set name = $1\n',
    })
    expect(code).toBe(0)
    const { sql, route, analysis, error } = JSON.parse(out) as Explanation
    expect(sql).toBe('update product set name = $1')
    expect(route).toMatchObject({ database: 'shop', role: 'primary', effect: 'write' })
    expect(route?.reasons.length).toBeGreaterThan(1)
    expect(analysis).toMatchObject({ kind: 'write', complete: true })
    expect(error).toBeUndefined()
  })

  it('gives a router the typed parameters, and tells what a router throws', async () => {
    await writeFile(
      join(folder.path, 'signalbox.config.mjs'),
      `export default { databases: { default: 'sqlite:./a.db', b: 'sqlite:./b.db' }, routers: [{ name: 'half', route(s) {
        const [id] = s.valuesOf('id') ?? []
        if (id === 13) throw new Error('unlucky')
        return typeof id === 'number' && id % 2 === 1 ? 'b' : undefined
      } }] }`,
    )
    const explain = async (...params: string[]): Promise<SpawnedCliAnswer> =>
      await signalbox(['explain', 'select * from t where id = :id', ...params])
    expect((await explain('--param', 'id=7')).out).toMatch(/^→ b,.*\n.*router "half" answered/)
    expect((await explain('--param', 'id="7"')).out).toMatch(/^→ default,/)
    const thrown = await explain('--param', 'id=13')
    expect(thrown.code).toBe(1)
    expect(thrown.out).toContain('unlucky')
  })

  it('obeys --using and --dialect, and knows near matches', async () => {
    await writeConfig(config)
    const using = await signalbox(['explain', 'select * from product', '--using', 'reviews'])
    expect(using.out).toMatch(/^→ reviews,/)
    const dsn = await signalbox(['explain', 'select * from `x`', '--using', 'mysql://u:secret@h/d', '--json'])
    expect(dsn.code).toBe(0)
    expect(JSON.parse(dsn.out)).toMatchObject({ analysis: { dialect: 'mysql', tables: [{ name: 'x' }] } })
    expect(dsn.out).not.toContain('secret')
    const dialect = await signalbox(['explain', 'select * from product', '--dialect', 'mysql', '--json'])
    expect(JSON.parse(dialect.out)).toMatchObject({ analysis: { dialect: 'mysql' } })
    const misspelt = await signalbox(['explain', 'select 1', '--using', 'revews'])
    expect(misspelt.code).toBe(2)
    expect(misspelt.err).toMatch(/Did\s+you\s+mean\s+"reviews"/)
  })
})

describe('check', () => {
  it('finds all well, in words and as JSON, without a trace on the files', async () => {
    await writeConfig({
      databases: {
        default: 'shop',
        shop: sqliteFile('shop.db', 'product'),
        reviews: sqliteFile('reviews.db', 'review'),
      },
      tables: { review: 'reviews' },
    })
    const before = await readFile(join(folder.path, 'shop.db'))
    const { code, out, err } = await signalbox(['check'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/shop \(default\) +ok +SQLite \d+\.\d+/)
    expect(out).toMatch(/review +reviews +found/)
    expect(out).toMatch(/2 of 2 databases reachable, 0 problems, 0 warnings\./)
    expect(out).not.toContain('\u001B[')
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
    const { report } = await checkJson()
    expect(report).toMatchObject({ ok: true, findings: [] })
    expect(report.databases[0]).toMatchObject({
      alias: 'shop',
      aliases: ['default'],
      product: 'SQLite',
      role: 'primary',
      writable: true,
      failure: null,
      tableCount: 1,
    })
    expect(report.databases[0]?.latencyMs).toBeGreaterThanOrEqual(0)
    expect((await readFile(join(folder.path, 'shop.db'))).equals(before)).toBe(true)
    expect((await readdir(folder.path)).sort()).toEqual(['reviews.db', 'shop.db', 'signalbox.config.mjs'])
  })

  it('finds tables that are missing, elsewhere, twice, or undeclared', async () => {
    await writeConfig({
      databases: {
        default: 'shop',
        shop: sqliteFile('shop.db', 'product', 'review', 'archived_y'),
        reviews: sqliteFile('reviews.db', 'review', 'note'),
        archive: { primary: sqliteFile('archive.db', 'archived_x', 'mystery'), exclusive: true },
      },
      tables: { review: 'reviews', rating: 'reviews', 'archived_*': 'archive', 'log_*': 'shop' },
    })
    const { code, report } = await checkJson()
    expect(code).toBe(1)
    const found = report.findings.map(({ severity, code: what, database, tables }) =>
      [severity, what, database, ...tables].join(' '),
    )
    expect(found.sort()).toEqual([
      'error table-missing reviews rating',
      'error table-only-elsewhere shop archived_y',
      'error table-undeclared-in-exclusive archive mystery',
      'warning glob-empty shop log_*',
      'warning table-also-elsewhere shop review',
      'warning table-undeclared reviews note',
    ])
    const { out } = await signalbox(['check'])
    expect(out).toMatch(/3 of 3 databases reachable, 3 problems, 3 warnings\./)
  })

  it('fails on warnings only under --strict', async () => {
    await writeConfig({ databases: { shop: sqliteFile('shop.db') }, tables: { 'log_*': 'shop' } })
    expect((await signalbox(['check'])).code).toBe(0)
    const strict = await checkJson(['--strict'])
    expect(strict.code).toBe(1)
    expect(strict.report.ok).toBe(false)
  })

  it('tells a missing file from a file that is no database, and creates none', async () => {
    await writeFile(join(folder.path, 'text.db'), 'this is a text and no database at all, by far'.repeat(100))
    await writeConfig({ databases: { gone: 'sqlite:./gone.db', text: { primary: { url: 'sqlite:./text.db' } } } })
    const { code, report } = await checkJson()
    expect(code).toBe(1)
    expect(report.databases.map(({ alias, failure }) => [alias, failure?.kind])).toEqual([
      ['gone', 'no-such-file'],
      ['text', 'file'],
    ])
    expect(await readdir(folder.path)).not.toContain('gone.db')
  })

  // The superuser may write to every file, whatever its rights say.
  it.skipIf(process.getuid?.() === 0)(
    'warns of a file that may not be written (not as the superuser, who may write every file)',
    async () => {
      const dsn = sqliteFile('shop.db')
      await chmod(join(folder.path, 'shop.db'), 0o444)
      const { report } = await checkJson(['--url', dsn])
      expect(report.findings).toMatchObject([{ severity: 'warning', code: 'read-only-file' }])
    },
  )

  it('is coloured where colours are asked for, and not under NO_COLOR', async () => {
    const url = sqliteFile('shop.db')
    const forced = await signalbox(['check', '--url', url], { env: { FORCE_COLOR: '1' } })
    expect(forced.out).toContain('\u001B[32mok')
    const none = await signalbox(['check', '--url', url], { env: { NO_COLOR: '1' } })
    expect(none.out).not.toContain('\u001B[')
  })

  it('takes the data source name from the environment', async () => {
    const { code, report } = await checkJson([], { env: { SIGNALBOX_URL: sqliteFile('shop.db', 'product') } })
    expect(code).toBe(0)
    expect(report.databases).toMatchObject([{ alias: 'default', tableCount: 1 }])
  })
})

const networked = testedEngines.filter((engine) => engine !== 'sqlite')

describe.each(networked)('check against %s', (engine) => {
  it('tells product, version, role, limits, latency and tables', async () => {
    await using database = await freshDatabase(engine)
    const client = await connect(database.dsn)
    await client.query('create table review (id int primary key)')
    await client.query('create view recent as select id from review')
    await client.close()
    await writeConfig({
      databases: { default: 'shop', shop: database.dsn, archive: sqliteFile('archive.db', 'old') },
      tables: { review: 'shop', old: 'archive' },
      pool: { maxConnections: 7 },
    })
    const { code, report, out } = await checkJson()
    expect(report.findings).toEqual([])
    expect(code).toBe(0)
    const [shop] = report.databases
    expect(shop).toMatchObject({
      engine,
      product: engine === 'postgres' ? 'PostgreSQL' : 'MariaDB',
      role: 'primary',
      writable: true,
      reachable: true,
      tableCount: 1,
      poolMaxConnections: 9,
    })
    expect(shop?.version).toMatch(/^\d+\.\d+/)
    expect(shop?.serverMaxConnections).toBeGreaterThan(1)
    expect(shop?.latencyMs).toBeGreaterThan(0)
    expect(shop?.connectMs).toBeGreaterThanOrEqual(shop?.latencyMs ?? 0)
    const [review] = report.tables
    expect(review?.found.map((name) => name.replace('public.', ''))).toEqual(['review'])
    expect(out).not.toContain(new URL(database.dsn).password)
  })

  it('classifies a wrong password, which it does not show, a wrong name, and a port where nobody listens', async () => {
    await using database = await freshDatabase(engine)
    const wrongPassword = new URL(database.dsn)
    wrongPassword.password = 'geheim%40und%20falsch'
    const wrongName = new URL(database.dsn)
    wrongName.pathname = '/there_is_no_such_database'
    const wrongPort = new URL(database.dsn)
    wrongPort.port = String(await freePort())
    await writeConfig({
      databases: { password: wrongPassword.href, name: wrongName.href, port: wrongPort.href, well: database.dsn },
    })
    const { code, report, out } = await checkJson()
    expect(code).toBe(1)
    expect(report.databases.map(({ alias, failure }) => [alias, failure?.kind])).toEqual([
      ['password', 'authentication'],
      ['name', 'no-such-database'],
      ['port', 'refused'],
      ['well', undefined],
    ])
    const text = await signalbox(['check'])
    expect(text.out).toMatch(/1 of 4 databases reachable, 3 problems/)
    for (const secret of ['geheim', new URL(database.dsn).password])
      expect(out + text.out + text.err).not.toContain(secret)
  })

  it('does not wait longer than told for a server that accepts and says nothing', async () => {
    await using hole = await blackHole()
    await using database = await freshDatabase(engine)
    await writeConfig({ databases: { hung: `${engine}://u:geheim@127.0.0.1:${hole.port}/x`, well: database.dsn } })
    const { code, report } = await checkJson(['--timeout', '700'])
    expect(code).toBe(1)
    expect(report.databases.map(({ failure }) => failure?.kind)).toEqual(['timeout', undefined])
    // As the server sees it, for starting a process takes its time; the default time limit would be 5 s.
    expect(hole.heldMs).toHaveLength(1)
    expect(hole.heldMs[0]).toBeGreaterThan(500)
    expect(hole.heldMs[0]).toBeLessThan(2_500)
  })
})

describe.runIf(testedEngines.includes('postgres'))('check against a PostgreSQL server', () => {
  it('finds a primary that takes no writes, and more connections than there are', async () => {
    await using database = await freshDatabase('postgres')
    const client = await connect(database.dsn)
    const name = new URL(database.dsn).pathname.slice(1)
    await client.query(`alter database "${name}" set default_transaction_read_only = on`)
    await client.close()
    await writeConfig({ databases: { shop: database.dsn }, pool: { maxConnections: 10_000 } })
    const { code, report } = await checkJson()
    expect(code).toBe(1)
    expect(report.databases[0]).toMatchObject({ role: 'primary', writable: false })
    expect(report.findings.map((finding) => finding.code).sort()).toEqual(['read-only-primary', 'too-few-connections'])
  })

  it('uses a pool of the configuration’s own', async () => {
    await using database = await freshDatabase('postgres')
    await writeFile(
      join(folder.path, 'signalbox.config.mjs'),
      `import pg from ${JSON.stringify(pathToFileURL(fileURLToPath(import.meta.resolve('pg'))).href)}
       export default { databases: { shop: new pg.Pool({ connectionString: ${JSON.stringify(database.dsn)} }) } }`,
    )
    const { code, report } = await checkJson()
    expect(code).toBe(0)
    expect(report.databases).toMatchObject([{ reachable: true, product: 'PostgreSQL', poolMaxConnections: null }])
  })
})

describe.runIf(testedEngines.includes('mysql'))('check against a MariaDB server', () => {
  it('takes schemas of one server for that, and finds a table in the wrong one', async () => {
    await using shop = await freshDatabase('mysql')
    await using reviews = await freshDatabase('mysql')
    const client = await connect(shop.dsn)
    await client.query('create table review (id int primary key)')
    await client.close()
    await writeConfig({
      databases: { default: 'shop', shop: shop.dsn, reviews: reviews.dsn },
      databasesShareServer: [['shop', 'reviews']],
      tables: { review: 'reviews' },
    })
    const { code, report } = await checkJson()
    expect(code).toBe(1)
    expect(report.findings.map((finding) => finding.code)).toEqual(['table-missing'])
    expect(report.findings[0]?.message).toContain('There is one in "shop"')
  })
})

interface BlackHole extends AsyncDisposable {
  readonly port: number
  /** How long each connection that is over was held, in ms. */
  readonly heldMs: readonly number[]
}

/** A server that takes connections and never says a word. */
async function blackHole(): Promise<BlackHole> {
  const heldMs: number[] = []
  const server: Server = createServer((socket) => {
    const begun = performance.now()
    socket.on('error', () => undefined).on('close', () => void heldMs.push(performance.now() - begun))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    port: address.port,
    heldMs,
    [Symbol.asyncDispose]: async () => await new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}
