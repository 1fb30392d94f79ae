import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Compiles every TypeScript example of the documentation and of the doc comments against the built package, so that
 * none of them can rot. An example is a fenced `ts` block; names that it uses without declaring them (`client`, `tx`,
 * `db`) are declared for it.
 */
const folder = join(import.meta.dirname, '..', '.signalbox', 'examples')

interface Example {
  readonly source: string
  readonly code: string
}

const ambient: Readonly<Record<string, string>> = {
  client: "declare const client: import('signalbox').Client<'default' | 'shop' | 'reviews' | 'archive' | 'dev'>",
  tx: "declare const tx: import('signalbox').Transaction",
  db: "declare const db: import('kysely').Kysely<Shop>",
  Shop: 'interface Shop { product: { id: number; name: string; stock: number }; review: { id: number; product_id: number }; purchase: { id: number }; archived_purchase: { id: number } }',
}

function blocksOf(text: string): readonly { readonly line: number; readonly code: string }[] {
  return [...text.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```/gm)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] ?? '',
  }))
}

function examplesOf(file: string): readonly Example[] {
  const text = readFileSync(file, 'utf8')
  // In doc comments every line starts with " * ".
  const plain = file.endsWith('.ts') ? text.replace(/^ *\* ?/gm, '') : text
  return blocksOf(plain).map(({ line, code }) => ({ source: `${file}:${line}`, code }))
}

/** The API reference repeats the examples of the doc comments, and has signatures that are no programs. */
function isGenerated(file: string): boolean {
  return file.startsWith(join('docs', 'api', '/'))
}

function moduleOf({ source, code }: Example): string {
  const text = /\bdb\b/.test(code) ? `${code}// Shop` : code
  const declared = Object.entries(ambient)
    .filter(
      ([name]) =>
        new RegExp(`\\b${name}\\b`).test(text) &&
        !new RegExp(`(?:const|let|using|interface) +${name}\\b|\\(${name}\\) =>`).test(code),
    )
    .map(([, declaration]) => declaration)
  return [`// ${source}`, ...declared, code, 'export {}', ''].join('\n')
}

const files = [
  ...globSync('*.md'),
  ...globSync('docs/**/*.md'),
  ...globSync('examples/*/*.md'),
  ...globSync('src/**/*.ts'),
].filter((file) => !file.endsWith('.test.ts') && !isGenerated(file))
const examples = files.flatMap(examplesOf)
if (examples.length < 10) throw new Error(`Only ${examples.length} examples were found: the search must be broken.`)

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const [index, example] of examples.entries())
  writeFileSync(join(folder, `example-${index + 1}.ts`), moduleOf(example))
const config = {
  extends: '../../tsconfig.json',
  compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
  include: ['*.ts'],
}
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
try {
  execFileSync(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', folder], { stdio: 'inherit' })
} catch {
  console.error(`An example does not compile; the first line of each file below ${folder} says where it stands.`)
  process.exit(1)
}
console.log(
  `${examples.length} examples of ${new Set(examples.map(({ source }) => source.split(':')[0])).size} files compile.`,
)
