import { readFileSync } from 'node:fs'
import type { StatementKind } from '../../src/statement/analysis.ts'
import type { Effect } from '../../src/routing/route.ts'

/** One statement of the corpus, and what is expected of it. */
export interface CorpusStatement {
  readonly sql: string
  readonly kind: StatementKind
  readonly effect: Effect
  /** The error number that the engine answers with, where it is no refusal as a write; and why. */
  readonly error: { readonly code: number; readonly reason: string } | undefined
}

const kinds: readonly StatementKind[] = ['read', 'locking-read', 'write', 'ddl', 'transaction', 'session', 'unknown']
const effects: readonly Effect[] = ['read', 'write', 'session']

/** The statements, one each, that make the schema which the corpus is written for. */
export function corpusSchema(engine: 'mysql' | 'sqlite'): string {
  return fileText(`${engine}-schema.sql`)
}

/** Reads a corpus. Its format is explained at the top of the file of reads. */
export function readCorpus(engine: 'mysql' | 'sqlite'): CorpusStatement[] {
  return ['reads', 'changes'].flatMap((part) => {
    const name = `${engine}-${part}.txt`
    return parseCorpus(fileText(name), name)
  })
}

function fileText(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

function parseCorpus(text: string, name: string): CorpusStatement[] {
  const statements: CorpusStatement[] = []
  let heading: Pick<CorpusStatement, 'kind' | 'effect'> | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const place = `${name}:${index + 1}`
    if (line.trim() === '' || line.startsWith('##')) continue
    if (/^# [a-z-]+ [a-z]+$/.test(line)) {
      heading = parseHeading(line, place)
      continue
    }
    const parts = /^(?:!(\d+) \((.+?)\) )?(.+)$/.exec(line)
    if (heading === undefined || parts === null) throw new Error(`${place}: a statement without heading`)
    const [, code, reason = '', sql = ''] = parts
    const error = code === undefined ? undefined : { code: Number(code), reason }
    statements.push({ ...heading, sql: sql.replaceAll('⏎', '\n'), error })
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
