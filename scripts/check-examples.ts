import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findExamples, needs, type Example } from './examples/find.ts'

/**
 * Compiles every TypeScript example of the documentation and of the doc comments against the package, so that none of them can rot.
 * Names that an example uses without declaring them (`client`, `tx`, `db`) are declared for it.
 */
const folder = join(import.meta.dirname, '..', '.signalbox', 'examples')

const ambient: Readonly<Record<string, string>> = {
  client: "declare const client: import('signalbox').Client<'default' | 'shop' | 'reviews' | 'archive' | 'dev'>",
  tx: "declare const tx: import('signalbox').Transaction",
  db: "declare const db: import('kysely').Kysely<Shop>",
  Shop: 'interface Shop { product: { id: number; name: string; stock: number }; review: { id: number; product_id: number }; purchase: { id: number }; archived_purchase: { id: number } }',
}

function moduleOf({ source, code }: Example): string {
  const text = needs('db', code) ? `${code}\nShop` : code
  const declared = Object.entries(ambient)
    .filter(([name]) => needs(name, text))
    .map(([, declaration]) => declaration)
  return [`// ${source}`, ...declared, code, 'export {}', ''].join('\n')
}

const examples = findExamples()
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
