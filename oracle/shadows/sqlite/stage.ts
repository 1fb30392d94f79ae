import { copyFile, readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Client, connect } from '../../../src/index.ts'
import type { ShadowWorld } from '../model.ts'
import type { Stage } from '../stage.ts'
import { quoted } from '../value.ts'

/** `name` tells the files of one sequence from others in the folder. */
export async function makeStage(world: ShadowWorld, folder: string, name: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const [base, copy, local] = ['base', 'copy', 'local'].map((each) => join(folder, `${name}-${each}.db`)) as [
    string,
    string,
    string,
  ]
  fill(base, world)
  await copyFile(base, copy)
  makeComparable(copy, world)
  const before = await digest(base)
  const open = async (): Promise<Client> =>
    await connect({
      databases: {
        default: 'dev',
        dev: {
          shadow: { base: 'shop', local: `sqlite:${local}` },
          tables: Object.fromEntries(world.tables.map(({ name: table, kind }) => [table, kind])),
        },
        shop: `sqlite:${base}`,
      },
    })
  const shadow = stack.use(await open())
  const whole = stack.use(await connect(`sqlite:${copy}`))
  const kept = stack.move()
  return {
    shadow,
    copy: whole,
    again: async () => kept.use(await open()),
    renew: async () => await Promise.reject(new Error('Each sequence has files of its own.')),
    faults: async () => {
      await Promise.all([shadow.close(), whole.close()])
      return [
        ...((await digest(base)) === before ? [] : ['the file of the base was written']),
        ...storedFaults(local, copy),
        ...unknownKeys(local, world),
      ]
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

/** A base whose rows break no foreign key; without rows, if those of the world do. */
function fill(file: string, { definitions, rows }: ShadowWorld): void {
  const db = new DatabaseSync(file)
  try {
    db.exec('pragma synchronous = off; begin')
    for (const sql of definitions) db.exec(sql)
    db.exec('savepoint rows')
    for (const sql of rows) attempt(db, sql)
    // SQLite itself lets some rows through that refer to themselves.
    if (db.prepare('pragma foreign_key_check').all().length > 0) db.exec('rollback to rows')
    attempt(db, 'commit')
    if (db.isTransaction) db.exec('rollback to rows; commit')
  } finally {
    db.close()
  }
}

function attempt(db: DatabaseSync, sql: string): void {
  try {
    db.exec(sql)
  } catch {
    // The schema does not allow the row: then the world is without it.
  }
}

/** Makes of a full copy what the shadow promises to show where it differs by design. */
function makeComparable(file: string, { tables }: ShadowWorld): void {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  try {
    db.exec('pragma synchronous = off; begin')
    for (const { name, kind } of tables) {
      if (kind === 'replace') {
        db.exec(`delete from ${quoted(name)}`)
        attempt(db, `delete from sqlite_sequence where name = '${name}'`)
      }
      // What a foreign key does is refused where it would change the base's rows.
      if (kind === 'base')
        for (const verb of ['update', 'delete'])
          db.exec(
            `create trigger ${quoted(`guard ${verb} ${name}`)} before ${verb} on ${quoted(name)} begin ` +
              `select raise(abort, '${name} is shown as the base has it, and a foreign key would change its rows'); end`,
          )
    }
    db.exec('commit')
  } finally {
    db.close()
  }
}

/** What the engine itself lets pass in the copy is no fault of the shadow. */
function storedFaults(file: string, copy: string): readonly string[] {
  const [db, whole] = [new DatabaseSync(file), new DatabaseSync(copy)]
  try {
    const sql = 'pragma foreign_key_check'
    const broken =
      whole.prepare(sql).all().length > 0
        ? []
        : db
            .prepare(sql)
            .all()
            .map((row) => `a local row breaks a foreign key: ${JSON.stringify(row)}`)
    const checks = db
      .prepare('pragma integrity_check')
      .all()
      .map((row) => String(row['integrity_check']))
    return [...broken, ...checks.filter((text) => text !== 'ok')]
  } finally {
    whole.close()
    db.close()
  }
}

/** Each key of an original and of a local row must be known. */
function unknownKeys(file: string, { tables }: ShadowWorld): readonly string[] {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return tables.flatMap(({ name, primaryKey }) => {
      const known = `signalbox_known_${name}`
      if (db.prepare('select 1 from sqlite_schema where name = ?').get(known) === undefined) return []
      const keys = primaryKey.map(quoted)
      const isGiven = keys.map((key) => `${key} is not null`).join(' and ')
      return ['original', 'local'].flatMap((kind) => {
        const rows = `select ${keys.join(', ')} from ${quoted(`signalbox_${kind}_${name}`)} where ${isGiven}`
        const unknown = db.prepare(`${rows} except select * from ${quoted(known)}`).all()
        return unknown.map((row) => `a key of ${name} (${kind}) is not known: ${JSON.stringify(row)}`)
      })
    })
  } finally {
    db.close()
  }
}

async function digest(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
