import { readFileSync, writeFileSync } from 'node:fs'
import { clientOptions, discoveryOptions, poolOptions, replicationOptions } from '../src/config-options.ts'
import type { OptionTable } from '../src/option.ts'
import { directoryLimits } from '../src/routing/shard-maps/directory-shards.ts'

/**
 * Writes the tables of options in docs/configuration.md from the code that holds their defaults, so that the page and
 * the program cannot differ. With `--check` it changes nothing and fails if the page is not up to date.
 */
const page = new URL('../docs/configuration.md', import.meta.url)

function tableOf(options: OptionTable): string {
  const rows = Object.entries(options).map(
    ([name, { default: value, min, max, unit, about }]) =>
      `| \`${name}\` | ${value.toLocaleString('en')} | ${min.toLocaleString('en')} – ${max.toLocaleString('en')} | ${unit} | ${about} |`,
  )
  return ['| option | default | range | unit | what for |', '|---|---|---|---|---|', ...rows].join('\n')
}

function filled(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`docs/configuration.md has no place for ${name}.`)
  return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`
}

const before = readFileSync(page, 'utf8')
const tables = {
  'pool options': poolOptions,
  'replication options': replicationOptions,
  'discovery options': discoveryOptions,
  'client options': clientOptions,
  'directory options': directoryLimits,
}
const after = Object.entries(tables).reduce((text, [name, options]) => filled(text, name, tableOf(options)), before)
if (!process.argv.includes('--check')) writeFileSync(page, after)
else if (before !== after) {
  console.error('docs/configuration.md is not up to date. Run: npm run docs')
  process.exit(1)
}
