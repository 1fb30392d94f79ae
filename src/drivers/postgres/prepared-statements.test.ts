import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { WireConnection } from './native.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { StatementBook, type StatementRecord } from './statement-book.ts'

class FakeWire extends EventEmitter implements WireConnection {
  readonly stream = { writable: true, write: () => true, destroy: () => {} }
  readonly parsedStatements: Record<string, string | undefined> = {}
  readonly submittedNamedStatements: Record<string, string | undefined> = {}
  readonly closed: string[] = []
  connect(): void {}
  requestSsl(): void {}
  cancel(): void {}
  close({ name }: { readonly name: string }): void {
    this.closed.push(name)
  }
}

function known(book: StatementBook, sql: string): StatementRecord {
  book.lookUp(sql)
  return book.lookUp(sql)!
}

/** Uses a statement as if the server had parsed it. */
function use(wire: FakeWire, statements: PreparedStatements, record: StatementRecord): string {
  const { name } = statements.use(record)!
  wire.parsedStatements[name] = record.sql
  return name
}

describe('the names of statements', () => {
  it('are given at the second sight, and to no text of several statements', () => {
    const book = new StatementBook(true)
    expect(book.lookUp('select 1')!.name).toBeUndefined()
    expect(book.lookUp('select 1')!.name).toMatch(/^sb[0-9a-f]{8}_1$/)
    expect(known(book, 'select 1; select 2').name).toBeUndefined()
    expect(known(book, 'select 1 ; ').name).toBeDefined()
  })

  it('are never given when naming is off, nor to long texts', () => {
    expect(known(new StatementBook(false), 'select 1').name).toBeUndefined()
    expect(new StatementBook(true).lookUp(`select '${'x'.repeat(20_000)}'`)).toBeUndefined()
  })

  it('are never the same for two books', () => {
    const [one, other] = [known(new StatementBook(true), 'select 1'), known(new StatementBook(true), 'select 1')]
    expect(one.name).not.toBe(other.name)
  })

  it('are replaced, and given up when the server keeps losing them', () => {
    const book = new StatementBook(true)
    const record = known(book, 'select 1')
    const names = new Set([record.name])
    for (let i = 0; i < 100; i++) {
      book.renew(record, 'stale')
      names.add(record.name)
    }
    expect(names.size).toBe(101)
    for (let i = 0; i < 20; i++) book.renew(record, 'lost')
    expect(record.name).toBeUndefined()
    expect(known(book, 'select 2').name).toBeUndefined()
  })
})

describe('the prepared statements of a connection', () => {
  it('are bounded; the one unused for longest is closed and taken from pg', () => {
    const [wire, book] = [new FakeWire(), new StatementBook(true)]
    const statements = new PreparedStatements(wire, 2)
    const [a, b, c] = ['select 1', 'select 2', 'select 3'].map((sql) => known(book, sql))
    const first = use(wire, statements, a!)
    const second = use(wire, statements, b!)
    use(wire, statements, a!)
    use(wire, statements, c!)
    expect(wire.closed).toEqual([second])
    expect(Object.keys(wire.parsedStatements)).not.toContain(second)
    expect(statements.use(a!)?.name).toBe(first)
    expect(statements.size).toBe(2)
  })

  it('follow a new name, and close the old one', () => {
    const [wire, book] = [new FakeWire(), new StatementBook(true)]
    const statements = new PreparedStatements(wire, 2)
    const record = known(book, 'select 1')
    const old = use(wire, statements, record)
    book.renew(record, 'stale')
    expect(statements.use(record)?.name).toBe(record.name)
    expect(wire.closed).toEqual([old])
    expect(statements.size).toBe(1)
  })

  it('free the place of one that the server did not parse', () => {
    const [wire, book] = [new FakeWire(), new StatementBook(true)]
    const statements = new PreparedStatements(wire, 2)
    const [bad, good] = [known(book, 'selec 1'), known(book, 'select 1')]
    statements.failed(bad, statements.use(bad)!.name)
    const name = use(wire, statements, good)
    statements.failed(good, name)
    expect(statements.size).toBe(1)
    statements.forgetAll()
    expect(statements.size).toBe(0)
    expect(wire.parsedStatements).toEqual({})
  })

  it('take no word of pg for a statement that was closed meanwhile', () => {
    const [wire, book] = [new FakeWire(), new StatementBook(true)]
    const statements = new PreparedStatements(wire, 1)
    const [a, b] = [known(book, 'select 1'), known(book, 'select 2')]
    const name = use(wire, statements, a)
    use(wire, statements, b)
    // ParseComplete of the first one, which was on its way, comes in after it was closed.
    wire.parsedStatements[name] = a.sql
    statements.use(a)
    expect(wire.parsedStatements[name]).toBeUndefined()
  })

  it('are none where pg shows no connection, or the cache is off', () => {
    const record = known(new StatementBook(true), 'select 1')
    expect(new PreparedStatements(undefined, 10).use(record)).toBeUndefined()
    expect(new PreparedStatements(new FakeWire(), 0).use(record)).toBeUndefined()
  })
})
