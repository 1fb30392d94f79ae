import { afterEach, describe, expect, it, vi } from 'vitest'
import { quickFolder } from '../../oracle/shadows/quick-folder.ts'
import { runShadowOracle, type ShadowOracleReport } from '../../oracle/shadows/run.ts'
import { sqliteOracle } from '../../oracle/shadows/sqlite/engine.ts'

/** What is made of the SQL of an overlay before it is run: nothing, unless a test breaks it. */
const broken = vi.hoisted(() => ({ change: undefined as ((sql: string) => string | undefined) | undefined }))

vi.mock(import('../../src/shadows/sqlite/overlay.ts'), async (importOriginal) => {
  const original = await importOriginal()
  return {
    ...original,
    overlaySql: (...given) =>
      original.overlaySql(...given).flatMap((sql) => (broken.change === undefined ? sql : (broken.change(sql) ?? []))),
  }
})

async function run(sequences: number, mostDefects: number): Promise<ShadowOracleReport> {
  await using folder = await quickFolder()
  return await runShadowOracle({ engine: sqliteOracle(folder.path), sequences, seed: 1, mostDefects, shrinkMs: 0 })
}

type Break = (sql: string) => string | undefined

const without =
  (name: string): Break =>
  (sql) =>
    sql.startsWith(`CREATE TEMP TRIGGER "signalbox_${name}`) ? undefined : sql

const instead =
  (pattern: RegExp, by: string): Break =>
  (sql) =>
    sql.replace(pattern, by)

/** Ways in which an overlay could be wrong. */
const breaks: Readonly<Record<string, Break>> = {
  'rows with the key of a new row are not copied': without('key_'),
  'new ids take no notice of the base': without('number_'),
  'parents are not copied': without('parent_'),
  'children are not copied': without('child_'),
  'what is deleted is shown again': instead(/signalbox_original_[^"]*" AS o WHERE/g, '$& false AND'),
  'all rows of the base are shown': instead(/\(\((?=b\.|NOT EXISTS)/g, '(true OR ('),
  'REPLACE deletes without triggers': instead(/recursive_triggers = ON/, 'recursive_triggers = OFF'),
  'copies get other row numbers': instead(/ELSE NEW\.rowid END/, 'ELSE NEW.rowid + 50 END'),
  'a new column is NULL in rows of the base': instead(/\([^()]*\) AS "(e|f|some more)"/g, 'NULL AS "$1"'),
  'local rows are not shown': instead(/ UNION ALL /, ' WHERE false UNION ALL '),
}

afterEach(() => {
  broken.change = undefined
})

describe('random statements', () => {
  it('come to the same in a shadow as in a full copy of its base', async () => {
    const { statements, defects } = await run(150, 1)
    expect(defects).toEqual([])
    // What is refused, or fails on both sides, proves nothing.
    expect(statements.of(), statements.describe()).toBeGreaterThan(700)
    expect(statements.withRows, statements.describe()).toBeGreaterThan(250)
    expect(statements.share, statements.describe()).toBeGreaterThan(0.6)
  }, 120_000)

  it.each(Object.entries(breaks))(
    'find that %s',
    async (_, change) => {
      broken.change = change
      const { defects } = await run(600, 1)
      expect(defects).toHaveLength(1)
    },
    120_000,
  )
})
