import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const mostLines = 400
const longestFunction = 70

// Exceptions may only become fewer: a file that has shrunk below the limit must leave the list.
const longFiles: readonly string[] = []

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => ({
    name: `src/${name}`,
    lines: readFileSync(join(root, 'src', name), 'utf8')
      .trimEnd()
      .split('\n'),
  }))

it('no source file is longer than 400 lines, but for a list that may only shrink', () => {
  expect(sources.length).toBeGreaterThan(40)
  expect(sources.filter(({ lines }) => lines.length > mostLines).map(({ name }) => name)).toEqual(longFiles)
})

it('no function is longer than 70 lines', () => {
  // Formatted code: a function or method that opens at some indentation closes at the first "}" of the same one.
  const long: string[] = []
  for (const { name, lines } of sources) {
    for (const [start, line] of lines.entries()) {
      const opening =
        /^(\s*)(?:export )?(?:default )?(?:override |static |private )?(?:async )?(?:function\b|\*?#?\w+\(|(?:const|readonly) \w+ = (?:async )?\().*\{$/.exec(
          line,
        )
      if (opening === null || /^\s*(?:if|for|while|switch|class|return)\b/.test(line)) continue
      const end = lines.findIndex((candidate, index) => index > start && candidate.startsWith(`${opening[1] ?? ''}}`))
      if (end - start > longestFunction) long.push(`${name}:${start + 1} (${end - start} lines)`)
    }
  }
  expect(long).toEqual([])
})

it('file names are nouns in kebab-case', () => {
  const wrong = sources
    .map(({ name }) => name)
    .filter(
      (name) =>
        !/^src\/(?:[a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(name) ||
        /(?:utils?|helpers?|managers?|common|misc)\.ts$/.test(name),
    )
  expect(wrong).toEqual([])
})

// Kysely hands a query from plugin to connection by its id alone, and errors must stay the driver's own objects: what is
// known of them can only be remembered beside them, and goes when they go.
const remembers = /^src\/adapters\/(?:driver-error|kysely\/using-plugin)\.ts: const \w+ = new WeakMap</

it('no module keeps state that changes', () => {
  const stateful = sources.flatMap(({ name, lines }) =>
    lines
      .filter(
        (line) =>
          /^(?:export )?(?:let|var) /.test(line) ||
          /^(?:export )?const \w+(?:: [^=]+)? = new (?:Map|WeakMap|Set|WeakSet|BoundedMap)(?:<[^(]*>)?\(\)$/.test(line),
      )
      .map((line) => `${name}: ${line}`),
  )
  expect(stateful.filter((line) => !remembers.test(line))).toEqual([])
  expect(stateful).toHaveLength(2)
})
