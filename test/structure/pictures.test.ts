import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dark, light, type Colours } from '../../scripts/picture/colours.ts'
import { connect, formatRoute } from '../../src/index.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const pictures = [...new Set([...readme.matchAll(/(?:src|srcset)="([^"]*)"/g)].map(([, file = '']) => file))]

/** What is wrong with a text as XML, as far as tags, attributes and characters go; undefined if nothing is. */
function wrongAsXml(text: string): string | undefined {
  const open: string[] = []
  let hasRoot = false
  for (const [token] of text.trim().matchAll(/<[^>]*>|[^<]+/g)) {
    const outside = open.length === 0
    if (!token.startsWith('<')) {
      if (outside && token.trim() !== '') return `text outside of the root: ${token}`
      if (/&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)|>/i.test(token)) return `a character to be escaped: ${token}`
      continue
    }
    const [, end, name = '', attributes = '', empty] =
      /^<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>$/.exec(token) ?? []
    if (name === '') return `no tag: ${token}`
    const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, each]) => each)
    if (new Set(names).size < names.length) return `an attribute twice: ${token}`
    if (end === '/') {
      if (open.pop() !== name) return `${token} closes another one`
      continue
    }
    if (outside && hasRoot) return `a second root: ${token}`
    hasRoot = true
    if (empty !== '/') open.push(name)
  }
  return open.length > 0 || !hasRoot ? `not closed: ${open.join(' ')}` : undefined
}

const reaching = /<script|<foreignObject|<image|<use|\son\w+=|javascript:|\bhref=|url\(|@import|@font-face|<!|<\?/i

function contrast(one: string, other: string): number {
  const [brighter = 0, darker = 0] = [one, other].map(luminance).toSorted((a, b) => b - a)
  return (brighter + 0.05) / (darker + 0.05)
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((start) => Number.parseInt(colour.slice(start, start + 2), 16) / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

it('the README has a picture for light pages and one for dark ones, with words for those who do not see it', () => {
  expect(pictures).toEqual(['docs/images/idea-dark.svg', 'docs/images/idea-light.svg'])
  expect(readme).toMatch(/<source media="\(prefers-color-scheme: dark\)" srcset="docs\/images\/idea-dark\.svg">/)
  expect(readme).toMatch(/<img alt="[^"]{80,}"\s+src="docs\/images\/idea-light\.svg"/)
})

describe.each(pictures)('%s', (file) => {
  it('is there, small, well-formed, and needs nothing from elsewhere', () => {
    expect(existsSync(join(root, file))).toBe(true)
    const drawn = readFileSync(join(root, file), 'utf8')
    expect(wrongAsXml(drawn)).toBeUndefined()
    expect(drawn).not.toMatch(reaching)
    expect(drawn.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg'])
    expect(Buffer.byteLength(drawn)).toBeLessThanOrEqual(15_000)
    expect(drawn).toMatch(/<title[^>]*>[^<]{20,}<\/title>\n<desc[^>]*>[^<]{100,}<\/desc>/)
  })
})

it.each([
  ['light', light],
  ['dark', dark],
] as const)('what is written on the %s picture has a contrast of at least 4.5', (_, colours: Colours) => {
  const { page, panel, box, tint, server } = colours
  const written = [
    ...[page, panel, box, tint, server].flatMap((ground) => [
      [colours.text, ground],
      [colours.quiet, ground],
    ]),
    [colours.route, box],
    [colours.route, colours.routeFill],
    [colours.primary, colours.primaryFill],
    [colours.late, colours.lateFill],
    [colours.shadow, colours.shadowFill],
  ] as const
  for (const [ink = '', ground = ''] of written)
    expect(contrast(ink, ground), `${ink} on ${ground}`).toBeGreaterThan(4.5)
})

it('the route on the picture, and its reasons, are those that are given', async () => {
  const primary = 'postgres://app@db1/shop'
  const config = { databases: { default: 'shop', shop: { primary, replicas: ['postgres://app@db2/shop'] } } } as const
  await using client = await connect(config) // connects to nothing before the first statement
  const route = formatRoute(client.explain('select name, price from product where id = $1', [7]))
  // What the session needs is only known of servers that run.
  const given = route + readFileSync(join(root, 'src/execution/placement-reasons.ts'), 'utf8')
  const drawn = readFileSync(join(root, 'docs/images/idea-light.svg'), 'utf8').replaceAll('&quot;', '"')
  const texts = [...drawn.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words = '']) => words)
  const first = texts.findIndex((words) => words.startsWith('→'))
  const shown = texts.slice(first, first + 4)
  expect(shown.map((words) => given.includes(words))).toEqual([true, true, true, true])
})

it('what is not well-formed, or reaches elsewhere, is found', () => {
  expect(wrongAsXml('<a b="c"><d/>e</a>')).toBeUndefined()
  for (const text of ['<a>', '<a></b>', '<a b="1" b="2"/>', '<a b=c/>', '<a>&</a>', '<a/><b/>', '<a/>b', 'a', '<a<b/>'])
    expect(wrongAsXml(text), text).toBeDefined()
  for (const text of ['<script/>', '<a onload="b"/>', '<image/>', 'fill="url(http://a)"', '@import "a"'])
    expect(text).toMatch(reaching)
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
})
