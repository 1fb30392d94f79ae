import { type CorpusHeading, fileText, parseHeading } from './corpus-file.ts'

/** One statement of the corpus, and what is expected of it. */
export interface CorpusStatement extends CorpusHeading {
  readonly sql: string
  /** The error number that the engine answers with, where it is no refusal as a write; and why. */
  readonly error: { readonly code: number; readonly reason: string } | undefined
}

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

function parseCorpus(text: string, name: string): CorpusStatement[] {
  const statements: CorpusStatement[] = []
  let heading: CorpusHeading | undefined
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
