import {
  isArrayLiteralExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isObjectLiteralExpression,
  SyntaxKind,
  type Node,
  type NodeArray,
  type ParameterDeclaration,
  type TypeNode,
  type TypeParameterDeclaration,
} from 'typescript/unstable/ast'
import type { Checker } from 'typescript/unstable/sync'

/** What all functions, methods and constructors are declared with. */
export interface Callable extends Node {
  readonly typeParameters?: NodeArray<TypeParameterDeclaration>
  readonly parameters: NodeArray<ParameterDeclaration>
  readonly type?: TypeNode
}

/** What properties and getters are declared with. */
export interface Property extends Node {
  readonly name: Node
  /** `?` */
  readonly postfixToken?: Node
  readonly type?: TypeNode
}

/** As a declaration would have it: `name<T>(a: string, b?: number): Promise<T>`. A constructor has no type of its own. */
export function callSignature(checker: Checker, name: string, node: Callable): string {
  const parameters = node.parameters.map((parameter) => parameterText(checker, parameter)).join(', ')
  const call = `${name}${typeParametersText(node.typeParameters)}(${parameters})`
  return name.startsWith('new ') ? call : `${call}: ${returnTypeText(checker, node)}`
}

/** `name?: type`. */
export function propertySignature(checker: Checker, name: string, node: Property): string {
  const optional = !isGetAccessorDeclaration(node) && node.postfixToken?.kind === SyntaxKind.QuestionToken ? '?' : ''
  return `${name}${optional}: ${node.type === undefined ? inferredText(checker, node) : plainText(node.type)}`
}

/** `<T extends object = {}>`, or nothing. */
export function typeParametersText(parameters: NodeArray<TypeParameterDeclaration> | undefined): string {
  if (parameters === undefined || parameters.length === 0) return ''
  return `<${[...parameters].map(plainText).join(', ')}>`
}

/** The text of a node without its comments. */
export function plainText(node: Node): string {
  return node
    .getText()
    .replace(
      /('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/.*/g,
      (_, text: string | undefined) => text ?? '',
    )
}

function parameterText(checker: Checker, node: ParameterDeclaration): string {
  const name = isIdentifier(node.name) ? node.name.text : 'options'
  const { initializer } = node
  const said = initializer !== undefined && !isEmpty(initializer)
  const optional = node.questionToken !== undefined || (initializer !== undefined && !said) ? '?' : ''
  const type = node.type === undefined ? inferredText(checker, node) : plainText(node.type)
  const rest = node.dotDotDotToken === undefined ? '' : '...'
  return `${rest}${name}${optional}: ${type}${said ? ` = ${plainText(initializer)}` : ''}`
}

/** `{}` and `[]` stand for what is left out; other defaults are worth saying. */
function isEmpty(initializer: Node): boolean {
  if (isObjectLiteralExpression(initializer)) return initializer.properties.length === 0
  return isArrayLiteralExpression(initializer) && initializer.elements.length === 0
}

function returnTypeText(checker: Checker, node: Callable): string {
  if (node.type !== undefined) return plainText(node.type)
  const signature = checker.getSignatureFromDeclaration(node)
  const type = signature === undefined ? undefined : checker.getReturnTypeOfSignature(signature)
  return type === undefined ? 'unknown' : checker.typeToString(type, node)
}

function inferredText(checker: Checker, node: Node): string {
  const type = checker.getTypeAtLocation(node)
  return type === undefined ? 'unknown' : checker.typeToString(type, node)
}
