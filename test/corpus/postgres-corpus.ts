import { type CorpusHeading, fileText, parseHeading } from './corpus-file.ts'

/** One statement of the corpus, and what is expected of it. */
export interface CorpusStatement extends CorpusHeading {
  readonly sql: string
  /** The first major version that knows the statement. */
  readonly since: number
  /** The SQLSTATE that the server answers with, where it is no refusal as a write. */
  readonly sqlstate: string | undefined
}

/** The statements that make the schema which the corpus is written for. */
export function corpusSchema(): string {
  return fileText('postgres-schema.sql')
}

/** Reads the corpus. Its format is explained at the top of `postgres-reads.txt`. */
export function readCorpus(): CorpusStatement[] {
  return ['postgres-reads.txt', 'postgres-changes.txt'].flatMap((name) => parseCorpus(fileText(name), name))
}

export function parseCorpus(text: string, name: string): CorpusStatement[] {
  const statements: CorpusStatement[] = []
  let heading: CorpusHeading | undefined
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
