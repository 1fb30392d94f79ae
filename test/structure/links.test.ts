import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/*.md', 'examples/orms/*/*.md', 'bench/*.md'], {
  cwd: root,
}).map((page) => page.replaceAll('\\', '/'))

const read = (page: string): string => readFileSync(join(root, page), 'utf8')

/** A page without its examples, in which nothing is a link. */
const prose = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '``')

function linksOf(text: string): readonly string[] {
  const plain = prose(text)
  const inText = [...plain.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target)
  const inHtml = [...plain.matchAll(/\b(?:href|src|srcset)="([^"]*)"/g)].map(([, target = '']) => target)
  return [...inText, ...inHtml]
}

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const headings = text.replace(/^ *```[\s\S]*?^ *```/gm, '').matchAll(/^#+ +(.+)$/gm)
  const anchors = [...headings].map(([, heading = '']) => {
    const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
    const anchor = shown
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
  const explicit = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, name = '']) => name)
  return new Set([...anchors, ...explicit])
}

/** What is wrong with a link of a page, or undefined. Addresses elsewhere are not asked. */
function wrongWith(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : relative(root, join(root, dirname(page), path)).replaceAll('\\', '/')
  const file = join(root, target)
  if (target.startsWith('..') || !existsSync(file)) return `${page}: there is no ${link}`
  if (anchor === undefined) return undefined
  const text = statSync(file).isDirectory() ? '' : readFileSync(file, 'utf8')
  return anchorsOf(text).has(anchor) ? undefined : `${page}: ${link} names no heading`
}

describe('links of the documentation', () => {
  it('lead somewhere, to the heading that they name', () => {
    const verdicts = pages.flatMap((page) => linksOf(read(page)).map((link) => wrongWith(page, link)))
    expect(verdicts.length).toBeGreaterThan(200)
    expect(verdicts.filter((each) => each !== undefined)).toEqual([])
  })

  it('lead to every page of docs from the README, directly or by one of those', () => {
    const reached = new Set(['README.md'])
    for (const page of reached)
      for (const link of linksOf(read(page)).filter((each) => !/^[a-z]+:/.test(each))) {
        const target = relative(root, join(root, dirname(page), link.split('#')[0] ?? '')).replaceAll('\\', '/')
        if (pages.includes(target)) reached.add(target)
      }
    const guides = pages.filter((page) => /^docs\/[^/]+\.md$/.test(page))
    expect(guides.length).toBeGreaterThan(15)
    expect(guides.filter((page) => !reached.has(page))).toEqual([])
  })

  it('are looked at: one to nowhere is found', () => {
    const links = linksOf(
      '[a](docs/none.md) [b](README.md#none) `[c](code.md)` <img src="none.svg">\n```\n[d](d)\n```\n',
    )
    expect(links).toEqual(['docs/none.md', 'README.md#none', 'none.svg'])
    expect(links.map((link) => wrongWith('README.md', link))).toEqual([
      'README.md: there is no docs/none.md',
      'README.md: README.md#none names no heading',
      'README.md: there is no none.svg',
    ])
    expect(wrongWith('docs/cli.md', '../README.md#read-on')).toBeUndefined()
    expect([...anchorsOf('# `A` b: c\n## [d](e) f\n## d f\n')]).toEqual(['a-b-c', 'd-f', 'd-f-1'])
  })
})
