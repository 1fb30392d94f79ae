import {
  isConstructorDeclaration,
  isFunctionDeclaration,
  isGetAccessorDeclaration,
  isIdentifier,
  isMethodDeclaration,
  isMethodSignatureDeclaration,
  isPropertyDeclaration,
  isPropertySignatureDeclaration,
  ModifierFlags,
  type Node,
} from 'typescript/unstable/ast'
import type { Checker, Project, Type } from 'typescript/unstable/sync'
import { declarationsOf } from './compiler.ts'
import { commentOf } from './comment-of.ts'
import type { ApiMember } from './model.ts'
import { callSignature, propertySignature, type Callable, type Property } from './signature.ts'

/** A member with the declarations that its signatures were read from. */
export interface FoundMember extends ApiMember {
  readonly nodes: readonly Node[]
}

/** The members that are for everybody, overloads together, in the order of the source. */
export function membersOf(project: Project, nodes: readonly Node[]): readonly FoundMember[] {
  const groups = Map.groupBy(nodes.filter(isPublic), (node) => nameOf(node))
  return [...groups].flatMap(([name, group]) => (name === undefined ? [] : memberOf(project.checker, name, group)))
}

/** The functions that an object holds, with the comments of their own declarations. Nothing of any other object. */
export function membersOfType(project: Project, type: Type): readonly FoundMember[] {
  const { checker } = project
  return checker.getPropertiesOfType(type).flatMap((property) => {
    const functions = declarationsOf(project, checker.getTypeOfSymbol(property)?.getSymbol() ?? property)
    return functions.every(isFunctionDeclaration) ? memberOf(checker, property.name, functions) : []
  })
}

function memberOf(checker: Checker, name: string, group: readonly Node[]): readonly FoundMember[] {
  const [first] = group
  if (first === undefined) return []
  if (isProperty(first))
    return [
      {
        name,
        kind: 'property',
        signatures: [propertySignature(checker, name, first)],
        comment: commentOf(first),
        nodes: [first],
      },
    ]
  const callable = group as readonly (Callable & { readonly body?: Node })[]
  const overloads = callable.length > 1 ? callable.filter(({ body }) => body === undefined) : callable
  const signatures = overloads.map((node) => callSignature(checker, name, node))
  const kind = name.startsWith('new ') ? 'constructor' : 'method'
  return [{ name, kind, signatures, comment: commentOf(...overloads), nodes: overloads }]
}

/** What other code may use: no private or protected member, and none whose comment says that it is internal. */
function isPublic(node: Node): boolean {
  const { modifierFlags = ModifierFlags.None } = node as Node & { readonly modifierFlags?: ModifierFlags }
  if ((modifierFlags & (ModifierFlags.Private | ModifierFlags.Protected | ModifierFlags.Static)) !== 0) return false
  return !commentOf(node).tags.some(({ tag }) => tag === 'internal')
}

/** Undefined for what nobody calls by a name: `#private` and `[Symbol.asyncDispose]`. */
function nameOf(node: Node): string | undefined {
  if (isConstructorDeclaration(node)) return `new ${ownerName(node)}`
  const { name } = node as Node & { readonly name?: Node }
  if (name === undefined || !isIdentifier(name)) return undefined
  return isProperty(node) || isMethodDeclaration(node) || isMethodSignatureDeclaration(node) ? name.text : undefined
}

function ownerName(node: Node): string {
  const { name } = node.parent as Node & { readonly name?: Node }
  return name !== undefined && isIdentifier(name) ? name.text : ''
}

function isProperty(node: Node): node is Property {
  return isPropertyDeclaration(node) || isPropertySignatureDeclaration(node) || isGetAccessorDeclaration(node)
}
