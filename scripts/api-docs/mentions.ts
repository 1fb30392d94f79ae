import { isBlock, isIdentifier, isTypeReferenceNode, SyntaxKind, type Node } from 'typescript/unstable/ast'
import { SymbolFlags, type Project } from 'typescript/unstable/sync'
import { commentOf } from './comment-of.ts'
import { declarationsOf, fileOf, nodesBelow, originalOf } from './compiler.ts'
import { keyOf, type Mention } from './model.ts'

/** The exports by the ids of their symbols. */
export type Names = Map<number, Mention>

interface Mentioned {
  /** Exported types that the nodes name. */
  readonly mentions: readonly Mention[]
  /** Types of the project that they name and nobody can import, each with its file. */
  readonly hidden: readonly string[]
}

/** The project's own types that signatures name; what stands in bodies and initial values does not count. */
export function mentionedBy(project: Project, names: Names, nodes: readonly Node[]): Mentioned {
  const { checker } = project
  const identifiers = nodes.flatMap((node) => nodesBelow(node, isTypeName, (child) => !isInside(child)))
  const mentions = new Map<string, Mention>()
  const hidden = new Set<string>()
  for (const identifier of identifiers) {
    const symbol = checker.getSymbolAtLocation(identifier)
    if (symbol === undefined) continue
    const original = originalOf(checker, symbol)
    if ((original.flags & SymbolFlags.TypeParameter) !== 0) continue
    const found = names.get(original.id)
    if (found !== undefined) mentions.set(keyOf(found), found)
    else
      for (const node of declarationsOf(project, original))
        if (isOurs(node) && !isInternal(node)) hidden.add(`${original.name} (${fileOf(node)})`)
  }
  return { mentions: [...mentions.values()], hidden: [...hidden] }
}

const namesTypes = new Set([SyntaxKind.TypeReference, SyntaxKind.ExpressionWithTypeArguments, SyntaxKind.TypeQuery])

function isTypeName(node: Node): boolean {
  return isIdentifier(node) && (namesTypes.has(node.parent.kind) || isTypeReferenceNode(node.parent))
}

/** What is behind the signature. */
function isInside(node: Node): boolean {
  if (isBlock(node)) return true
  const { parent } = node as { readonly parent?: Node & { readonly initializer?: Node } }
  return parent?.initializer === node
}

/** Its comment says that nobody needs to name it. */
function isInternal(node: Node): boolean {
  return commentOf(node).tags.some(({ tag }) => tag === 'internal')
}

function isOurs(node: Node): boolean {
  const file = node.getSourceFile()
  return !file.isDeclarationFile && file.fileName.includes('/src/')
}
