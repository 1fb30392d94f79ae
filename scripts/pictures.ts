import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dark, light } from './picture/colours.ts'
import { drawIdea } from './picture/idea.ts'

/** Writes the picture of the README for light and for dark pages; `--check` only says whether that has been done. */
const folder = join(import.meta.dirname, '..', 'docs', 'images')

for (const [name, colours] of Object.entries({ light, dark })) {
  const file = join(folder, `idea-${name}.svg`)
  const drawn = drawIdea(colours)
  if (!process.argv.includes('--check')) writeFileSync(file, drawn)
  else if (readFileSync(file, 'utf8') !== drawn) {
    console.error(`docs/images/idea-${name}.svg is not what scripts/picture draws. Run: npm run docs`)
    process.exitCode = 1
  }
}
