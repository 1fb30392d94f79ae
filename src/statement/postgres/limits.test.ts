import { describe, expect, test } from 'vitest'
import { createPostgresAnalyzer } from '../postgres.ts'
import { isShallow } from './depth.ts'

const analyzer = await createPostgresAnalyzer()
const plain = 'select a, (select max(b) from u where u.id = t.id) from t join v using (id) where t.id = $1'

/** Texts that nest, by their depth. The parser of WebAssembly overflows its stack somewhere in the thousands. */
const nested: Record<string, (depth: number) => string> = {
  brackets: (depth) => `select ${'('.repeat(depth)}1${')'.repeat(depth)}`,
  sums: (depth) => `select 1${' + 1'.repeat(depth)}`,
  'a sum in brackets': (depth) => `select ${'(1 + '.repeat(depth)}1${')'.repeat(depth)}`,
  signs: (depth) => `select ${'- '.repeat(depth)}a`,
  'signs without blanks': (depth) => `select ${'+'.repeat(depth)}a`,
  negations: (depth) => `select ${'not '.repeat(depth)}true`,
  casts: (depth) => `select 1${'::int'.repeat(depth)}`,
  collations: (depth) => `select a${' collate "C"'.repeat(depth)}`,
  calls: (depth) => `select ${'f('.repeat(depth)}1${')'.repeat(depth)}`,
  arrays: (depth) => `select ${'array['.repeat(depth)}1${']'.repeat(depth)}`,
  cases: (depth) => `select ${'case when '.repeat(depth)}true${' then 1 end'.repeat(depth)}`,
  subqueries: (depth) => `select ${'(select '.repeat(depth)}1${')'.repeat(depth)}`,
  'derived tables': (depth) => `${'select * from ('.repeat(depth)}select 1${') s'.repeat(depth)}`,
  'common table expressions': (depth) => `${'with x as ('.repeat(depth)}select 1${') select 1'.repeat(depth)}`,
  unions: (depth) => `select 1${' union all select 1'.repeat(depth)}`,
  joins: (depth) => `select * from t${' cross join t'.repeat(depth)}`,
  comments: (depth) => `${'/*'.repeat(depth)}${'*/'.repeat(depth)} select 1`,
}

describe('depth', () => {
  test.each(Object.entries(nested))('%s: no depth overflows the parser', (_name, make) => {
    for (const depth of [100, 400, 1_000, 1_500, 3_000, 10_000, 20_000]) {
      const { kind } = analyzer.analyze(make(depth))
      expect(['read', 'unknown']).toContain(kind)
      if (depth >= 10_000) expect(kind).toBe('unknown')
    }
    expect(analyzer.analyze(make(20)).kind).toBe('read')
    expect(analyzer.analyze(plain).kind).toBe('read')
  })

  test('the parser lives on after hundreds of texts that would overflow its stack', () => {
    for (let round = 0; round < 200; round += 1) {
      expect(analyzer.analyze(nested['sums']?.(20_000) ?? '').kind).toBe('unknown')
      expect(analyzer.analyze(nested['subqueries']?.(2_000) ?? '').kind).toBe('unknown')
    }
    expect(analyzer.analyze(plain)).toMatchObject({ kind: 'read', complete: true })
  })

  test('ordinary texts are shallow, however long', () => {
    expect(
      isShallow(`select * from t where a in (${Array.from({ length: 20_000 }, (_, index) => index).join(', ')})`),
    ).toBe(true)
    expect(isShallow(`select 1 where ${'(a = 1 and b = 2 + 3) or '.repeat(4_000)}true`)).toBe(true)
    expect(isShallow(`select ${"case when a then 'x' else 'y' end as c, ".repeat(2_000)}1`)).toBe(true)
    expect(isShallow(`insert into t values ${"(1, 'it''s -- ((((', $$((((('$$),".repeat(2_000)}(1)`)).toBe(true)
    expect(isShallow('select 1 + 1 union select 2 * (3 + 4);'.repeat(3_000))).toBe(true)
  })

  test('a caller with no stack left gets an answer', () => {
    let answers = 0
    const dive = (): void => {
      try {
        dive()
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        return
      }
      // On the way back there is first almost no stack left, then a little more with each frame.
      if (answers < 3) {
        answers += 1
        expect(['read', 'unknown']).toContain(analyzer.analyze(plain).kind)
      }
    }
    dive()
    expect(answers).toBe(3)
    expect(analyzer.analyze(plain).kind).toBe('read')
  })
})

describe('length', () => {
  const long = 'x'.repeat(200_000)
  test.each([
    ['insert into t values', 'write', { name: 't' }],
    ['/* a */ INSERT INTO "My S" . T (a) values', 'write', { name: 't', schema: 'My S' }],
    ['merge into s.t using', 'write', { name: 't', schema: 's' }],
    ['update only t set', 'write', { name: 't' }],
    ['delete from only db.s."T""x" where', 'write', { name: 'T"x', schema: 's' }],
    ['copy t (a) from stdin', 'write', { name: 't' }],
    ['copy (select 1) to stdout', 'write', undefined],
    ['select * from t', 'unknown', undefined],
    ['with x as (select 1)', 'unknown', undefined],
    ['begin;', 'unknown', undefined],
    ['', 'unknown', undefined],
  ])('a text too long is judged by its head: %s', (head, kind, table) => {
    const sql = `${head} '${long}'`
    const analysis = analyzer.analyze(sql)
    expect(analysis).toMatchObject({ kind, complete: false, values: [], functions: [], leavesState: true })
    expect(analysis.tables.map(({ name, schema }) => (schema === undefined ? { name } : { name, schema }))).toEqual(
      table === undefined ? [] : [table],
    )
    for (const { start, end } of analysis.tables.flatMap(({ spans }) => spans)) {
      expect(head).toContain(sql.slice(start, end))
    }
  })

  test('the limit counts UTF-16 units, and can be set', async () => {
    const short = await createPostgresAnalyzer({ maxLength: 20 })
    expect(short.analyze(`select '${'ü'.repeat(11)}'`).kind).toBe('read')
    expect(short.analyze(`select '${'ü'.repeat(12)}'`).kind).toBe('unknown')
  })

  test('10 MB take no time worth mentioning', () => {
    const sql = `insert into t values ${"(1, 'x'),".repeat(1_200_000)}(2, 'y')`
    expect(sql.length).toBeGreaterThan(10_000_000)
    const start = process.cpuUsage()
    expect(analyzer.analyze(sql)).toMatchObject({ kind: 'write', tables: [{ name: 't', access: 'write' }] })
    // The processor's time: another process may have it meanwhile.
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(100)
  })

  test('texts just below the limit that used to be slow are not', () => {
    const start = performance.now()
    for (const sql of [
      `drop table ${Array.from({ length: 9_000 }, (_, index) => `t${index}`).join(', ')}`,
      `drop table ${Array.from({ length: 9_000 }, () => 'U&"\\0061"').join(', ')}`,
      `select ${'+'.repeat(120_000)}1`,
      '/*'.repeat(60_000),
      `select * from ${Array.from({ length: 9_000 }, (_, index) => `t${index}`).join()} where ${'t1.a = 1 and '.repeat(4_000)}true`,
    ]) {
      expect(analyzer.analyze(sql.slice(0, 131_072)).kind).toBeTypeOf('string')
    }
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
