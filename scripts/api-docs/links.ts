import { keyOf, type ApiExport, type Mention } from './model.ts'
import { topicOf } from './topics.ts'

/** Variables by which the documentation calls objects of these classes. */
const usualNames: Readonly<Record<string, readonly string[]>> = {
  client: ['Client', 'Scope'],
  tx: ['Transaction'],
  session: ['Session'],
  ids: ['ids'],
}

interface Place {
  readonly page: string
  readonly anchor: string
}

/** Where each export, and each member with a heading of its own, is described. */
export class Links {
  readonly #places = new Map<string, Place>()
  readonly #byName = new Map<string, readonly ApiExport[]>()

  constructor(exports: readonly ApiExport[]) {
    for (const [name, group] of Map.groupBy(exports, ({ name }) => name)) this.#byName.set(name, group)
    for (const each of exports) {
      const page = topicOf(each)?.page
      if (page === undefined) continue
      this.#places.set(keyOf(each), { page, anchor: slugOf(headingOf(each)) })
      for (const { name } of headedMembers(each))
        this.#places.set(`${keyOf(each)}.${name}`, { page, anchor: slugOf(memberHeading(each, name)) })
    }
  }

  /** The address of an export, or of its member, for a page; undefined if it is not described anywhere. */
  to(mention: Mention, from: string, member = ''): string | undefined {
    const place = this.#places.get(member === '' ? keyOf(mention) : `${keyOf(mention)}.${member}`)
    return place === undefined ? undefined : `${place.page === from ? '' : `${place.page}.md`}#${place.anchor}`
  }

  /** As `to`, for a name in a text: an export of the path that the text belongs to, else of `signalbox`, else of any. */
  toName(name: string, from: { readonly page: string; readonly entry: string }): string | undefined {
    const [first = '', member = ''] = name.replace(/\(\)$/, '').split('.')
    const names = member !== '' && usualNames[first] !== undefined ? usualNames[first] : [first]
    for (const each of names) {
      const group = this.#byName.get(each) ?? []
      const found =
        group.find(({ entry }) => entry === from.entry) ?? group.find(({ entry }) => entry === 'signalbox') ?? group[0]
      const address = found === undefined ? undefined : this.to(found, from.page, member)
      if (address !== undefined) return address
    }
    return undefined
  }
}

/** Members that are long enough to have a heading: the methods of classes and of objects. */
export function headedMembers({ kind, members }: ApiExport): ApiExport['members'] {
  return kind === 'class' || kind === 'constant' ? members.filter((member) => member.kind !== 'property') : []
}

/** Several paths of the package have a `sessions`: the path is a part of the heading where it is below another one. */
export function headingOf({ entry, name }: ApiExport): string {
  return entry.split('/').length > 2 ? `${name} of ${entry}` : name
}

export function memberHeading({ name }: ApiExport, member: string): string {
  return member.startsWith('new ') ? member : `${name}.${member}`
}

/** As GitHub makes the anchor of a heading. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
