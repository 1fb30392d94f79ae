import { block, inline, memberBlock } from './code.ts'
import type { DocComment } from './doc-comment.ts'
import { headedMembers, headingOf, memberHeading, slugOf, type Links } from './links.ts'
import { keyOf, mainComment, type ApiExport, type ApiMember } from './model.ts'
import { firstSentence, Prose } from './prose.ts'
import type { Topic } from './topics.ts'

const origin =
  '<!-- Written by scripts/api-docs.ts from the doc comments of src/. Change these, and run: npm run docs -->'

/** One page: what it is about, its contents, and each of its exports. Functions, classes and objects come first. */
export async function pageOf(topic: Topic, exports: readonly ApiExport[], links: Links): Promise<string> {
  const sorted = inOrder(exports)
  const sections = await Promise.all(sorted.map(async (each) => await sectionOf(topic.page, each, links)))
  const paths = [...new Set(sorted.map(({ entry }) => entry))].map((entry) => `\`${entry}\``)
  return (
    [
      origin,
      `# ${topic.title}`,
      topic.about,
      `Imported from ${paths.join(', ')}. All pages: [API reference](README.md).`,
      contentsOf(topic.page, sorted, links),
      ...sections,
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

/** The first page: which names stand where. */
export function indexOf(
  pages: readonly { readonly topic: Topic; readonly exports: readonly ApiExport[] }[],
  links: Links,
): string {
  const rows = pages.map(({ topic, exports }) => {
    const names = inOrder(exports).map((each) => `[${each.name}](${links.to(each, 'README') ?? ''})`)
    return [`## [${topic.title}](${topic.page}.md)`, topic.about, names.join(' · ')].join('\n\n')
  })
  return (
    [
      origin,
      '# API reference',
      'Every name that the package exports, by topic. `readonly` is left out: nothing that Signalbox gives is to be assigned to.',
      ...rows,
    ].join('\n\n') + '\n'
  )
}

function contentsOf(page: string, exports: readonly ApiExport[], links: Links): string {
  const rows = exports.map((each) => {
    const about = new Prose(links, { page, entry: each.entry, self: each.name }).plain(
      firstSentence(mainComment(each).text),
    )
    return `| [${headingOf(each)}](${links.to(each, page) ?? ''}) | ${about.replaceAll('|', '\\|')} |`
  })
  return ['| name | |', '|---|---|', ...rows].join('\n')
}

async function sectionOf(page: string, each: ApiExport, links: Links): Promise<string> {
  const prose = new Prose(links, { page, entry: each.entry, self: each.name })
  const headed = headedMembers(each)
  const listed = each.members.filter((member) => !headed.includes(member))
  const signatures = await Promise.all(
    each.signatures.map(async ({ code, comment }) => [await block(code), ...commentParts(comment, prose)]),
  )
  const parts = [
    `## ${headingOf(each)}`,
    ...signatures.flat(),
    codesOf(each),
    await listOf(listed, prose),
    ...(await Promise.all(headed.map(async (member) => await headedOf(each, member, prose)))),
    inheritedBy(page, each, links),
    mentionsOf(page, each, links),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function commentParts(comment: DocComment, prose: Prose): readonly string[] {
  const params = comment.tags.filter(({ tag }) => tag === 'param').map(({ text }) => prose.parameter(text))
  const thrown = comment.tags.filter(({ tag }) => tag === 'throws').map(({ text }) => prose.thrown(text))
  const returned = comment.tags.filter(({ tag }) => tag === 'returns').map(({ text }) => `Gives ${prose.text(text)}`)
  return [prose.text(comment.text), params.join('\n'), ...returned, thrown.join('\n'), ...comment.examples].filter(
    (part) => part !== '',
  )
}

async function listOf(members: readonly ApiMember[], prose: Prose): Promise<string> {
  const items = members.map(async ({ signatures, comment }) => {
    const codes = await Promise.all(signatures.map(async (signature) => `\`${await inline(signature)}\``))
    const [first = '', ...rest] = commentParts(comment, prose)
    const [begin = '', ...more] = first.split('\n\n')
    // A list or a block of code cannot stand behind a dash.
    const isText = /^[^-`]|^`[^`]/.test(begin)
    const head = isText ? `- ${codes.join(', ')}: ${begin.replaceAll('\n', ' ')}` : `- ${codes.join(', ')}`
    const below = [...(isText ? [] : [begin]), ...more, ...rest].filter((part) => part !== '')
    return [head, ...below.map(indented)].join('\n\n')
  })
  return (await Promise.all(items)).join('\n')
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

async function headedOf(each: ApiExport, member: ApiMember, prose: Prose): Promise<string> {
  const parts = [
    `### ${memberHeading(each, member.name)}`,
    await memberBlock(member.signatures),
    ...commentParts(member.comment, prose),
  ]
  return parts.join('\n\n')
}

function codesOf({ errorCodes }: ApiExport): string {
  if (errorCodes.length === 0) return ''
  const codes = errorCodes.map((code) => `[\`${code}\`](../errors.md#${slugOf(code)})`)
  return `${codes.length === 1 ? 'Code' : 'Codes'}: ${codes.join(', ')}`
}

function inheritedBy(page: string, { bases }: ApiExport, links: Links): string {
  if (bases.length === 0) return ''
  const names = bases.map((base) => `[${base.name}](${links.to(base, page) ?? ''})`)
  return `Besides, all that ${names.join(' and ')} ${names.length === 1 ? 'has' : 'have'}.`
}

function mentionsOf(page: string, each: ApiExport, links: Links): string {
  const others = each.mentions.filter((mention) => keyOf(mention) !== keyOf(each))
  if (others.length === 0) return ''
  const names = others.map((mention) => `[${mention.name}](${links.to(mention, page) ?? ''})`)
  return `Types: ${names.toSorted((a, b) => a.localeCompare(b, 'en')).join(', ')}`
}

/** What is called comes before what is only named; by name, of one name by path. */
function inOrder(exports: readonly ApiExport[]): readonly ApiExport[] {
  const rank = ({ kind }: ApiExport): number => (kind === 'interface' || kind === 'type' ? 1 : 0)
  return exports.toSorted(
    (a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en') || a.entry.localeCompare(b.entry, 'en'),
  )
}
