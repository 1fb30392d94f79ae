import type { Node } from 'typescript/unstable/ast'
import { noComment, readDocComment, type DocComment } from './doc-comment.ts'

/** The doc comments that stand before declarations: of overloads all, each as a paragraph of its own. */
export function commentOf(...nodes: readonly Node[]): DocComment {
  const comments = nodes.flatMap((node) => {
    // Of several comments before one declaration the last one is its own.
    const text = node.jsDoc?.at(-1)?.getText()
    return text === undefined ? [] : [readDocComment(text)]
  })
  if (comments.length <= 1) return comments[0] ?? noComment
  return {
    text: comments.map(({ text }) => text).join('\n\n'),
    tags: comments.flatMap(({ tags }) => tags),
    examples: comments.flatMap(({ examples }) => examples),
  }
}
