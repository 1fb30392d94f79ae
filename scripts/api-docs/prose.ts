import type { Links } from './links.ts'

/** Turns the texts of doc comments into Markdown of a page, with links to what they name. */
export class Prose {
  readonly #links: Links
  readonly #from: { readonly page: string; readonly entry: string; readonly self: string }

  constructor(links: Links, from: { readonly page: string; readonly entry: string; readonly self: string }) {
    this.#links = links
    this.#from = from
  }

  /** Whole paragraphs; blocks of code stay as they are. */
  text(text: string): string {
    return text
      .split(/(^```[\s\S]*?^```)/m)
      .map((part) => (part.startsWith('```') ? part : this.#linked(part)))
      .join('')
      .trim()
  }

  /** Without links to exports. */
  plain(text: string): string {
    return text.replace(/\{@link ([\w.]+)\}/g, '`$1`').replaceAll('\n', ' ')
  }

  /** What a `@param` tag says. */
  parameter(text: string): string {
    return `- ${this.text(text.replace(/^(\w+)(?:\s*-)?\s*/, '`$1`: '))}`
  }

  /** What a `@throws` tag says: `{Error} when`, or `Error when`. */
  thrown(text: string): string {
    const [, name = '', rest = ''] = /^\{?([A-Z]\w*Error)\}?:?\s*([\s\S]*)$/.exec(text) ?? ['', '', text]
    return name === '' ? `- Throws ${this.text(rest)}` : `- Throws ${this.#named(name)}: ${this.text(rest)}`
  }

  #linked(text: string): string {
    return text
      .replace(/\{@link ([\w.]+)\}/g, (_, name: string) => this.#named(name))
      .replace(/(?<!\[)`((?:[A-Z]\w*|\w+\.\w+\(\)|\w+\(\))(?:\.\w+)?)`(?!\])/g, (_, name: string) => this.#named(name))
      .replace(/(?<![\w/([`])`?docs\/([\w-]+\.md)`?/g, (_, file: string) => `[docs/${file}](../${file})`)
  }

  #named(name: string): string {
    const address = name.replace('()', '') === this.#from.self ? undefined : this.#links.toName(name, this.#from)
    return address === undefined ? `\`${name}\`` : `[\`${name}\`](${address})`
  }
}

/** The first sentence of a text, on one line. */
export function firstSentence(text: string): string {
  const [paragraph = ''] = text.split('\n\n')
  const line = paragraph.replaceAll('\n', ' ')
  return /^(?:`[^`]*`|[^`])*?[.](?=\s|$)/.exec(line)?.[0] ?? line.replace(/:$/, '.')
}
