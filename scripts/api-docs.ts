import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from './api-docs/compiler.ts'
import { complaintsAbout } from './api-docs/complaints.ts'
import { Links } from './api-docs/links.ts'
import { indexOf, pageOf } from './api-docs/page.ts'
import { readExports } from './api-docs/read-exports.ts'
import { topicOf, topics } from './api-docs/topics.ts'

/**
 * Writes the API reference, docs/api/*.md, from the doc comments of what the package exports, and refuses exports that
 * nobody could use from it: those without a comment or a page, and types that cannot be imported. With `--check` it changes nothing
 * and fails if a page is not up to date.
 */
const folder = join(root, 'docs/api')

const exports = readExports()
const complaints = complaintsAbout(exports)
if (complaints.length > 0) {
  console.error(complaints.join('\n'))
  process.exit(1)
}

const links = new Links(exports)
const pages = topics.map((topic) => ({ topic, exports: exports.filter((each) => topicOf(each) === topic) }))
const written = await Promise.all(
  pages.map(async ({ topic, exports }) => [`${topic.page}.md`, await pageOf(topic, exports, links)] as const),
)
const files = new Map([['README.md', indexOf(pages, links)], ...written])

const there = globSync('*.md', { cwd: folder }).map((file) => basename(file))
const superfluous = there.filter((file) => !files.has(file))
if (process.argv.includes('--check')) {
  const old = [...files].filter(
    ([file, text]) => !there.includes(file) || readFileSync(join(folder, file), 'utf8') !== text,
  )
  const wrong = [...old.map(([file]) => file), ...superfluous]
  if (wrong.length > 0) {
    console.error(`Not up to date in docs/api: ${wrong.join(', ')}. Run: npm run docs`)
    process.exit(1)
  }
  console.log(`docs/api has all ${exports.length} exports on ${files.size} pages, as the sources describe them.`)
} else {
  mkdirSync(folder, { recursive: true })
  for (const file of superfluous) rmSync(join(folder, file))
  for (const [file, text] of files) writeFileSync(join(folder, file), text)
}
