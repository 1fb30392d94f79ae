import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { postgresOracle } from '../../oracle/shadows/postgres/engine.ts'
import { baseSettings, OracleServers } from '../../oracle/shadows/postgres/servers.ts'
import { runShadowOracle } from '../../oracle/shadows/run.ts'
import { privateServer, sharedServer, testedEngines } from '../support/servers.ts'

/** What is made of the SQL of a shadow before it is run: nothing, unless a test breaks it. */
const broken = vi.hoisted(() => ({ change: undefined as ((sql: string) => string | undefined) | undefined }))

vi.mock(import('../../src/shadows/postgres/creation.ts'), async (importOriginal) => {
  const original = await importOriginal()
  const changed = (statements: readonly string[]): readonly string[] =>
    statements.flatMap((sql) => (broken.change === undefined ? sql : (broken.change(sql) ?? [])))
  return {
    ...original,
    creationOf: (...given) => {
      const { tables, rules, last, ...more } = original.creationOf(...given)
      return { ...more, tables: changed(tables), rules: changed(rules), last: changed(last) }
    },
  }
})

type Break = (sql: string) => string | undefined

const without =
  (start: string): Break =>
  (sql) =>
    sql.startsWith(start) ? undefined : sql

const instead =
  (pattern: RegExp, by: string): Break =>
  (sql) =>
    sql.replace(pattern, by)

/** Ways in which a shadow could be wrong, each with a seed that finds it soon. */
const breaks: Readonly<Record<string, readonly [seed: number, change: Break]>> = {
  'rows with the key of a new row are not copied': [3, without('CREATE TRIGGER collision_insert')],
  'rows with a key that a row gets are not copied': [5, without('CREATE TRIGGER collision_update')],
  'keys are not looked for row by row': [6, without('CREATE TRIGGER by_row')],
  'new numbers take no notice of the base': [1, without('SELECT setval(')],
  'parents are not copied': [1, without('CREATE TRIGGER parents')],
  'children are not copied': [6, without('CREATE TRIGGER children')],
  'what is deleted is shown again': [1, instead(/OR NOT coalesce\(/, 'OR true OR NOT coalesce(')],
  'local rows are not shown': [1, instead(/p\.tableoid <> (\S+) OR/, 'p.tableoid = $1 AND')],
  'copies that refer to each other are proved one by one': [6, instead(/IF prompt <> ''/g, 'IF false')],
}

describe.runIf(testedEngines.includes('postgres'))(
  'random statements on PostgreSQL, and a shadow that is broken,',
  () => {
    let servers: OracleServers

    beforeAll(async () => {
      servers = await OracleServers.open(await privateServer('postgres', baseSettings), sharedServer('postgres'))
    })

    afterAll(async () => {
      await servers[Symbol.asyncDispose]()
      await servers.baseServer.stop()
    })

    afterEach(() => {
      broken.change = undefined
    })

    it.each(Object.entries(breaks))(
      'find that %s',
      async (_, [seed, change]) => {
        broken.change = change
        const engine = postgresOracle(servers)
        const { defects } = await runShadowOracle({ engine, sequences: 150, seed, mostDefects: 1, shrinkMs: 0 })
        expect(defects).toHaveLength(1)
      },
      180_000,
    )
  },
)
