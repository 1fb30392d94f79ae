/** A doc comment, taken apart. All texts are Markdown. */
export interface DocComment {
  readonly text: string
  /** `@param` and `@throws` tags, in their order: the name of a parameter or class, and what is said of it. */
  readonly tags: readonly { readonly tag: string; readonly text: string }[]
  readonly examples: readonly string[]
}

export const noComment: DocComment = Object.freeze({ text: '', tags: [], examples: [] })

/** Reads the text of a comment, from its slash to its slash. */
export function readDocComment(source: string): DocComment {
  // What is between two comments before one declaration is given with the second one.
  const plain = source
    .slice(Math.max(0, source.search(/\/\*\*(?![\s\S]*^\s*\/\*\*)/m)))
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
  const [text = '', ...rest] = partsOf(plain)
  const tags = rest.map((part) => {
    const [, tag = '', content = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(part) ?? []
    return { tag, text: content.trim() }
  })
  return {
    text,
    tags: tags.filter(({ tag }) => tag !== 'example'),
    examples: tags.filter(({ tag }) => tag === 'example').map((tag) => tag.text),
  }
}

/** Splits before each line that begins with a tag; decorators in a fenced example are none. */
function partsOf(plain: string): readonly string[] {
  const parts: string[][] = [[]]
  let fenced = false
  for (const line of plain.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced
    if (!fenced && /^@\w/.test(line)) parts.push([])
    parts.at(-1)?.push(line)
  }
  return parts.map((lines) => lines.join('\n').trim())
}
