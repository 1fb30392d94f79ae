import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced `ts` block of the documentation or of a doc comment. */
export interface Example {
  /** `docs/ids.md:21` */
  readonly source: string
  readonly code: string
}

/** All of them, in the order of the files. */
export function findExamples(): readonly Example[] {
  const files = [
    ...globSync('*.md'),
    ...globSync('docs/**/*.md'),
    ...globSync('examples/*/*.md'),
    ...globSync('src/**/*.ts'),
  ].filter((file) => !file.endsWith('.test.ts') && !isGenerated(file))
  const examples = files.flatMap(examplesOf)
  if (examples.length < 10) throw new Error(`Only ${examples.length} examples were found: the search must be broken.`)
  return examples
}

/** The API reference repeats the examples of the doc comments, and has signatures that are no programs. */
function isGenerated(file: string): boolean {
  return file.startsWith(join('docs', 'api', '/'))
}

function examplesOf(file: string): readonly Example[] {
  const text = readFileSync(file, 'utf8')
  // In doc comments every line starts with " * ".
  const plain = file.endsWith('.ts') ? text.replace(/^ *\* ?/gm, '') : text
  return [...plain.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```/gm)].map((match) => ({
    source: `${file}:${plain.slice(0, match.index).split('\n').length + 1}`,
    code: match[1] ?? '',
  }))
}

/** Whether a name is used, outside of texts and comments, that the code does not declare itself. */
export function needs(name: string, code: string): boolean {
  const plain = code.replace(/'[^'\n]*'|(?<!:)\/\/.*/g, "''")
  return (
    new RegExp(`\\b${name}\\b`).test(plain) &&
    !new RegExp(`(?:const|let|using|interface) +${name}\\b|\\(${name}\\) =>`).test(plain)
  )
}
