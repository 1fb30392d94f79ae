import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type SqliteCluster, type SqliteFile, startSqliteCluster } from './sqlite-cluster.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('a cluster of SQLite files', () => {
  let clock: VirtualClock
  let cluster: SqliteCluster
  let primary: DatabaseSync

  beforeEach(async () => {
    clock = new VirtualClock()
    cluster = await startSqliteCluster({ clock })
    primary = new DatabaseSync(cluster.primary.path)
    primary.exec('create table note (text)')
    await cluster.caughtUp()
  })
  afterEach(async () => {
    primary.close()
    await cluster.stop()
  })

  const write = (text: string): void => void primary.prepare('insert into note values (?)').run(text)

  function ask(file: SqliteFile, sql: string): readonly unknown[] {
    const database = new DatabaseSync(file.path, { readOnly: true })
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  }

  const notesOf = (file: SqliteFile): readonly unknown[] =>
    ask(file, 'select text from note').map((row) => Reflect.get(Object(row), 'text'))
  const replica = (index: number): SqliteFile => cluster.replicas[index]!

  it('shows on every replica what was written to the primary, once its clock moves', async () => {
    write('one')
    for (const each of cluster.replicas) expect(notesOf(each)).toEqual([])
    await clock.advance(5)
    for (const each of cluster.replicas) expect(notesOf(each)).toEqual(['one'])
  })

  it('shows no transaction before its end', async () => {
    primary.exec('begin')
    write('half')
    await clock.advance(100)
    expect(notesOf(replica(0))).toEqual([])
    primary.exec('rollback')
    await cluster.caughtUp()
    expect(notesOf(replica(0))).toEqual([])
  })

  it('delays each replica as it is dialled, and shows every state for its time', async () => {
    cluster.delayReplay(replica(0), 1_000)
    write('first')
    await clock.advance(500)
    write('second')
    await clock.advance(495)
    expect(notesOf(replica(0))).toEqual([])
    expect(notesOf(replica(1))).toEqual(['first', 'second'])
    // To the first whole interval after the delay.
    await clock.advance(10)
    expect(notesOf(replica(0))).toEqual(['first'])
    await clock.advance(500)
    expect(notesOf(replica(0))).toEqual(['first', 'second'])
    write('third')
    await clock.advance(100)
    cluster.delayReplay(replica(0), 0)
    expect(notesOf(replica(0))).toEqual(['first', 'second', 'third'])
  })

  it('shows nothing new on a paused replica, for which nobody waits, until it is resumed', async () => {
    write('before')
    cluster.pauseReplay(replica(0))
    expect(notesOf(replica(0))).toEqual(['before'])
    write('paused')
    await cluster.caughtUp()
    expect(notesOf(replica(1))).toEqual(['before', 'paused'])
    expect(notesOf(replica(0))).toEqual(['before'])
    cluster.resumeReplay(replica(0))
    expect(notesOf(replica(0))).toEqual(['before', 'paused'])
  })

  it('has those who wait for it wait for the delay', async () => {
    cluster.delayReplay(replica(0), 300)
    write('late')
    let isOver = false
    const waiting = cluster.caughtUp().then(() => (isOver = true))
    await clock.advance(299)
    expect(isOver).toBe(false)
    await clock.advance(6)
    expect(isOver).toBe(true)
    await waiting
  })

  it('copies what changesets leave out: the schema, tables without a key, generated columns, searches', async () => {
    primary.exec(`
      create table part (a text, b text, primary key (b, a)) without rowid;
      create table "odd ""name" ("rowid" text, n integer, twice as (n * 2) stored);
      create table child (id integer primary key, note integer references parent(id));
      create table parent (id integer primary key);
      create unique index by_n on "odd ""name" (n);
      create view doubled as select twice from "odd ""name";
      create virtual table page using fts5(title, body);
      create trigger counted after insert on note begin insert into parent values (new.rowid); end;
      insert into part values ('x', 'y');
      insert into "odd ""name" values ('own', 1), (null, 2);
      insert into page values ('Guide', 'how to sign');
      insert into note (rowid, text) values (70, 'seventieth'), (90, 'ninetieth');
      insert into child values (1, 70);
      pragma user_version = 12;
    `)
    await cluster.caughtUp()
    for (const sql of [
      'select * from part',
      'select * from "odd ""name"',
      'select * from doubled',
      'select rowid, * from note',
      'select * from parent',
      'select * from child',
      "select rowid, title from page where page match 'sign'",
      "select name, sql from sqlite_schema where type <> 'trigger' and sql is not null order by name",
      'pragma user_version',
    ]) {
      const wanted = ask(cluster.primary, sql)
      expect(wanted.length).toBeGreaterThan(0)
      expect(ask(replica(0), sql)).toEqual(wanted)
    }
    primary.exec(
      'drop view doubled; drop table "odd ""name"; alter table part add column c default 3; delete from note',
    )
    await cluster.caughtUp()
    expect(ask(replica(0), 'select * from part')).toEqual([{ a: 'x', b: 'y', c: 3 }])
    expect(notesOf(replica(0))).toEqual([])
    expect(ask(replica(0), "select name from sqlite_schema where name in ('doubled', 'by_n')")).toEqual([])
  })

  it('lets two unique values change places, and readers go on reading meanwhile', async () => {
    primary.exec(
      "create table seat (id integer primary key, who text unique); insert into seat values (1, 'a'), (2, 'b')",
    )
    await cluster.caughtUp()
    const reader = new DatabaseSync(replica(0).path, { readOnly: true })
    const rows = reader.prepare('select who from seat order by id').iterate()
    expect(rows.next().value).toEqual({ who: 'a' })
    primary.exec(
      "update seat set who = 'c' where id = 1; update seat set who = 'a' where id = 2; update seat set who = 'b' where id = 1",
    )
    await cluster.caughtUp()
    // The state that the reader began with.
    expect(rows.next().value).toEqual({ who: 'b' })
    expect(rows.next().done).toBe(true)
    expect(reader.prepare('select who from seat order by id').all()).toEqual([{ who: 'b' }, { who: 'a' }])
    reader.close()
  })

  it('keeps no more states than a delay needs, and none in the end', async () => {
    await using other = await startSqliteCluster({ clock, replicas: 2 })
    const states = join(dirname(other.primary.path), 'states')
    const database = new DatabaseSync(other.primary.path)
    database.exec('create table t (n)')
    other.pauseReplay(other.replicas[0]!)
    other.delayReplay(other.replicas[1]!, 1_000)
    for (let n = 0; n < 400; n++) {
      database.exec(`insert into t values (${n})`)
      await clock.advance(5)
    }
    database.close()
    const kept = readdirSync(states).length
    expect(kept).toBeGreaterThan(20)
    expect(kept).toBeLessThanOrEqual(55)
    await other.stop()
    await other.stop()
    expect(existsSync(dirname(states))).toBe(false)
  })

  it('keeps the files of a folder that was named, and begins with what is there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox cluster 100%?-'))
    try {
      const first = await startSqliteCluster({ clock, replicas: 1, folder })
      const database = new DatabaseSync(join(folder, 'primary.db'))
      database.exec('create table t (n); insert into t values (1)')
      database.close()
      await first.stop()
      const strange = new DatabaseSync(join(folder, 'replica-1.db'))
      strange.exec('create table own (n); create trigger t after insert on own begin select 1; end')
      strange.close()
      await using second = await startSqliteCluster({ clock, replicas: 1, folder })
      expect(ask(second.replicas[0]!, 'select n from t')).toEqual([{ n: 1 }])
      expect(ask(second.replicas[0]!, 'select name from sqlite_schema')).toEqual([{ name: 't' }])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('says which files it cannot use, and leaves no folder behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-cluster-'))
    try {
      await writeFile(join(folder, 'primary.db'), 'no database at all'.repeat(100))
      vi.stubEnv('SIGNALBOX_TEST_FOLDER', folder)
      await expect(startSqliteCluster({ folder })).rejects.toThrow(
        `The files in "${folder}" cannot be used: file is not`,
      )
      expect(readdirSync(folder).filter((name) => name.startsWith('signalbox-'))).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    }
  })

  it('says what it cannot copy, to whoever asks next', async () => {
    primary.function('half', { deterministic: true }, (n: unknown) => Number(n) / 2)
    primary.exec('create table odd (n); create index halves on odd (half(n)); insert into odd values (1)')
    await clock.advance(5)
    await expect(cluster.caughtUp()).rejects.toThrow(/could not be copied: .*half/)
    expect(() => cluster.resumeReplay(replica(0))).toThrow(/could not be copied/)
    expect(clock.pending).toBe(0)
  })

  it('refuses what makes no sense', async () => {
    await expect(startSqliteCluster({ replicas: 1.5 })).rejects.toThrow('`replicas` is 1.5')
    expect(() => cluster.delayReplay(replica(0), -1)).toThrow('The delay is -1')
    expect(() => cluster.pauseReplay(cluster.primary)).toThrow('is no replica of this cluster')
    cluster.delayReplay(replica(0), 1_000)
    write('never')
    const waiting = expect(cluster.caughtUp()).rejects.toThrow('was stopped')
    await cluster.stop()
    await waiting
  })
})
