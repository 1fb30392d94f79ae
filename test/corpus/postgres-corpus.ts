import { readFileSync } from 'node:fs'
import type { StatementKind } from '../../src/statement/analysis.ts'
import type { Effect } from '../../src/routing/route.ts'

/** One statement of the corpus, and what is expected of it. */
export interface CorpusStatement {
  readonly sql: string
  readonly kind: StatementKind
  readonly effect: Effect
  /** The first major version that knows the statement. */
  readonly since: number
  /** The SQLSTATE that the server answers with, where it is no refusal as a write. */
  readonly sqlstate: string | undefined
}

const kinds: readonly StatementKind[] = ['read', 'locking-read', 'write', 'ddl', 'transaction', 'session', 'unknown']
const effects: readonly Effect[] = ['read', 'write', 'session']

/** The statements that make the schema which the corpus is written for. */
export function corpusSchema(): string {
  return fileText('postgres-schema.sql')
}

/** Reads the corpus. Its format is explained at the top of `postgres-reads.txt`. */
export function readCorpus(): CorpusStatement[] {
  return ['postgres-reads.txt', 'postgres-changes.txt'].flatMap((name) => parseCorpus(fileText(name), name))
}

function fileText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

export function parseCorpus(text: string, name: string): CorpusStatement[] {
  const statements: CorpusStatement[] = []
  let heading: Pick<CorpusStatement, 'kind' | 'effect'> | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${name}:${index + 1}`
    if (line.trim() === '' || line.startsWith('##')) continue
    if (line.startsWith('# ')) {
      heading = parseHeading(line, place)
      continue
    }
    const parts = /^(?:@(\d+) )?(?:!(\w{5}) )?(.+)$/.exec(line)
    if (heading === undefined || parts === null) throw new Error(`${place}: a statement without heading`)
    const [, since, sqlstate, sql = ''] = parts
    statements.push({ ...heading, sql, since: Number(since ?? 0), sqlstate })
  }
  return statements
}

function parseHeading(line: string, place: string): Pick<CorpusStatement, 'kind' | 'effect'> {
  const [, kindName, effectName] = line.split(' ')
  const kind = kinds.find((each) => each === kindName)
  const effect = effects.find((each) => each === effectName)
  if (kind === undefined || effect === undefined) throw new Error(`${place}: no such kind or effect`)
  return { kind, effect }
}
