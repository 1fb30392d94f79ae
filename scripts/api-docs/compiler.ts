import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Node } from 'typescript/unstable/ast'
import { API, SymbolFlags, type Checker, type Project, type Symbol } from 'typescript/unstable/sync'

export const root = join(import.meta.dirname, '../..')

/**
 * The compiler whose interface this was written for. It is marked unstable: another version may have another one. TypeDoc, which would
 * spare us this, needs TypeScript 6, which cannot be installed beside 7 under one name.
 */
const knownCompiler = '7.0.2'

/** Reads JSON of the project, or of a package that it uses. */
export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

/** Runs `fn` with the project's own program. */
export function withCompiler<T>(fn: (project: Project) => T): T {
  const { version } = readJson('node_modules/typescript/package.json') as { readonly version: string }
  if (version !== knownCompiler)
    throw new Error(
      `The API reference is read through TypeScript's unstable interface, as ${knownCompiler} has it; installed is ${version}. ` +
        'Put that into scripts/api-docs/compiler.ts, run npm run docs, and look at what changes in docs/api.',
    )
  const api = new API({ cwd: root })
  try {
    const config = join(root, 'tsconfig.build.json')
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    if (project === undefined) throw new Error(`${config} cannot be opened.`)
    return fn(project)
  } finally {
    api.close()
  }
}

/** The symbol itself, where it is an import or an export of another module's. */
export function originalOf(checker: Checker, symbol: Symbol): Symbol {
  return (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
}

/** Where a node stands, below the root of the project. */
export function fileOf(node: Node): string {
  return relative(root, node.getSourceFile().fileName)
}

/** All declarations of a symbol. */
export function declarationsOf(project: Project, symbol: Symbol): readonly Node[] {
  return symbol.declarations.flatMap((handle) => handle.resolve(project) ?? [])
}

/** Every node below `node` that `keep` says yes to, without going into what `enter` says no to. */
export function nodesBelow(node: Node, keep: (node: Node) => boolean, enter: (node: Node) => boolean): readonly Node[] {
  const found: Node[] = []
  const visit = (child: Node): void => {
    if (keep(child)) found.push(child)
    if (enter(child)) child.forEachChild(visit)
  }
  visit(node)
  return found
}
