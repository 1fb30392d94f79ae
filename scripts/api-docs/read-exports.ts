import { join } from 'node:path'
import {
  isClassDeclaration,
  isFunctionDeclaration,
  isInterfaceDeclaration,
  isTypeAliasDeclaration,
  isTypeLiteralNode,
  isVariableDeclaration,
  type Node,
  type TypeAliasDeclaration,
  type VariableDeclaration,
} from 'typescript/unstable/ast'
import { NodeBuilderFlags, type Project, type Symbol } from 'typescript/unstable/sync'
import { declarationsOf, fileOf, originalOf, readJson, root, withCompiler } from './compiler.ts'
import { commentOf } from './comment-of.ts'
import { Hierarchy, type ClassOrInterface } from './hierarchy.ts'
import { membersOf, membersOfType } from './members.ts'
import { membersOfOptions, optionTables } from './option-members.ts'
import { mentionedBy, type Names } from './mentions.ts'
import type { ApiExport, Mention } from './model.ts'
import { callSignature, plainText, typeParametersText, type Callable } from './signature.ts'

/** Every name that a path of the package gives, in the order of the paths and of their exports. */
export function readExports(): readonly ApiExport[] {
  return withCompiler((project) => {
    const found = entries().flatMap(({ entry, file }) => symbolsOf(project, entry, file))
    const names: Names = new Map()
    // A name that several paths give is that of the first one.
    for (const { symbol, entry, name } of found) if (!names.has(symbol.id)) names.set(symbol.id, { entry, name })
    return found.map(({ symbol, ...mention }) => readExport(project, names, symbol, mention))
  })
}

/** The paths of the package, with the sources that they are built from. */
function entries(): readonly { readonly entry: string; readonly file: string }[] {
  const { exports } = readJson('package.json') as {
    readonly exports: Readonly<Record<string, string | { default: string | { default: string } }>>
  }
  const fileIn = (target: string | { default: string }) => (typeof target === 'string' ? target : target.default)
  return Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : {
          entry: join('signalbox', path),
          file: fileIn(target.default)
            .replace(/^\.\/dist/, 'src')
            .replace(/\.js$/, '.ts'),
        },
  )
}

function symbolsOf(project: Project, entry: string, file: string): readonly (Mention & { readonly symbol: Symbol })[] {
  const { checker, program } = project
  const source = program.getSourceFile(join(root, file))
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file}, which ${entry} is built from, is no module of the project.`)
  return checker
    .getExportsOfModule(module)
    .map((symbol) => ({ entry, name: symbol.name, symbol: originalOf(checker, symbol) }))
    .filter(({ symbol }) => isOurs(project, symbol))
}

/** What a path hands on from another package is described there. */
function isOurs(project: Project, symbol: Symbol): boolean {
  return declarationsOf(project, symbol).every((node) => !fileOf(node).includes('node_modules'))
}

function readExport(project: Project, names: Names, symbol: Symbol, { entry, name }: Mention): ApiExport {
  const all = declarationsOf(project, symbol)
  const [node] = all
  if (node === undefined) throw new Error(`${name} of ${entry} has no declaration.`)
  const common = { entry, name, file: fileOf(node), bases: [], errorCodes: [], isError: false }
  if (isFunctionDeclaration(node)) {
    const nodes = overloadsOf(all)
    const signatures = nodes.map((each) => ({
      code: `function ${callSignature(project.checker, name, each)}`,
      comment: commentOf(each),
    }))
    return {
      ...common,
      kind: 'function',
      signatures,
      members: [],
      ...mentionedBy(project, names, nodes),
    }
  }
  if (isClassDeclaration(node) || isInterfaceDeclaration(node)) return readClass(project, names, node, common)
  if (isTypeAliasDeclaration(node)) return { ...common, ...readAlias(project, names, symbol, node) }
  if (isVariableDeclaration(node)) return { ...common, ...readConstant(project, names, name, node) }
  throw new Error(`${name} of ${entry} is neither a function, class, interface, type nor constant.`)
}

/** Characters of a type; above that it is told as it stands in the source. */
const longestType = 200

/** Stands for members that are described one by one. */
const elided = '{ … }'

type Read = Omit<ApiExport, keyof Common>

type Common = Pick<ApiExport, 'entry' | 'name' | 'file' | 'bases' | 'errorCodes' | 'isError'>

function readClass(project: Project, names: Names, node: ClassOrInterface, common: Common): ApiExport {
  const hierarchy = new Hierarchy(project, names)
  const own = hierarchy.shownAs(node)
  const isError = hierarchy.isError(node)
  const errorCodes = isError ? [...new Set(node.getText().match(/(?<=')SIGNALBOX_[A-Z_]+(?=')/g))] : []
  // Errors are caught, not made.
  const members = own.members.filter(({ kind }) => !isError || kind !== 'constructor')
  return {
    ...common,
    kind: isClassDeclaration(node) ? 'class' : 'interface',
    signatures: [{ code: hierarchy.headingOf(node), comment: commentOf(node) }],
    members,
    bases: own.bases,
    ...mentionedBy(project, names, own.nodes),
    errorCodes,
    isError,
  }
}

function readAlias(project: Project, names: Names, symbol: Symbol, node: TypeAliasDeclaration): Read {
  const { checker } = project
  const head = `type ${node.name.text}${typeParametersText(node.typeParameters)}`
  const comment = commentOf(node)
  const mentioned = mentionedBy(project, names, [node])
  if (isTypeLiteralNode(node.type)) {
    const members = membersOf(project, [...node.type.members])
    return { kind: 'type', signatures: [{ code: `${head} = ${elided}`, comment }], members, ...mentioned }
  }
  if (mentioned.hidden.length === 0)
    return {
      kind: 'type',
      signatures: [{ code: `${head} = ${plainText(node.type)}`, comment }],
      members: [],
      ...mentioned,
    }
  // It is computed of what nobody can import: what comes out of that is shown.
  const table = optionTables[node.name.text]
  const flags = NodeBuilderFlags.NoTruncation | NodeBuilderFlags.InTypeAlias
  const computed = checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), node, flags)
  const members = table === undefined ? [] : membersOfOptions(table)
  const code = `${head} = ${table === undefined ? computed : elided}`
  return { kind: 'type', signatures: [{ code, comment }], members, mentions: [], hidden: [] }
}

function readConstant(project: Project, names: Names, name: string, node: VariableDeclaration): Read {
  const { checker } = project
  const type = checker.getTypeAtLocation(node)
  const members = type === undefined ? [] : membersOfType(project, type)
  const isTable = type !== undefined && members.length === 0 && checker.getPropertiesOfType(type).length > 10
  const written = type === undefined ? 'unknown' : checker.typeToString(type, node)
  // The compiler leaves out parts of a long one.
  const computed = written.length > longestType && node.type !== undefined ? plainText(node.type) : written
  // Of a long table nobody wants to read the type.
  const text = isTable ? 'Readonly<Record<string, string>>' : members.length > 0 ? elided : computed
  const inner = members.flatMap((member) => member.nodes)
  return {
    kind: 'constant',
    signatures: [{ code: `const ${name}: ${text}`, comment: commentOf(node.parent.parent) }],
    members,
    ...mentionedBy(project, names, inner),
  }
}

/** Where there are several, the last one is the implementation, which nobody calls by its own types. */
function overloadsOf(nodes: readonly Node[]): readonly Callable[] {
  const callable = nodes as readonly (Callable & { readonly body?: Node })[]
  return callable.length > 1 ? callable.filter(({ body }) => body === undefined) : callable
}
