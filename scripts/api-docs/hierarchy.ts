import {
  isClassDeclaration,
  isInterfaceDeclaration,
  SyntaxKind,
  type ClassDeclaration,
  type InterfaceDeclaration,
  type Node,
} from 'typescript/unstable/ast'
import type { Project } from 'typescript/unstable/sync'
import { declarationsOf, originalOf } from './compiler.ts'
import { membersOf, type FoundMember } from './members.ts'
import type { Names } from './mentions.ts'
import type { Mention } from './model.ts'
import { plainText, typeParametersText } from './signature.ts'

export type ClassOrInterface = ClassDeclaration | InterfaceDeclaration

/** How a class or interface is shown: what it inherits from one that is not exported is shown as its own. */
export interface Shown {
  readonly members: readonly FoundMember[]
  readonly bases: readonly Mention[]
  /** The nodes whose types it mentions. */
  readonly nodes: readonly Node[]
}

interface Base {
  readonly node: ClassOrInterface
  /** As the class or interface names it. */
  readonly type: Node
  /** Undefined if it is not exported. */
  readonly name: Mention | undefined
}

/** What classes and interfaces inherit. */
export class Hierarchy {
  readonly #project: Project
  readonly #names: Names

  constructor(project: Project, names: Names) {
    this.#project = project
    this.#names = names
  }

  shownAs(node: ClassOrInterface): Shown {
    const own = membersOf(this.#project, [...node.members])
    const found = this.#basesOf(node)
    const exported = found.flatMap(({ name }) => name ?? [])
    const inner = found.filter(({ name }) => name === undefined).map((base) => this.shownAs(base.node))
    const inherited = inner.flatMap(({ members }) => members)
    const members = [
      ...own.map((member) => this.#withComment(member, node)),
      // A base's constructor is not that of the class.
      ...inherited.filter(({ name, kind }) => kind !== 'constructor' && !own.some((member) => member.name === name)),
    ]
    return {
      members,
      bases: [...exported, ...inner.flatMap(({ bases }) => bases)],
      nodes: [...this.#shownHeritage(node), ...members.flatMap(({ nodes }) => nodes)],
    }
  }

  /** `class Name<T> extends Base<T> implements Other`. */
  headingOf(node: ClassOrInterface): string {
    const extended = this.#shownHeritage(node, SyntaxKind.ExtendsKeyword)
    const implemented = this.#shownHeritage(node, SyntaxKind.ImplementsKeyword)
    const clauses = [
      ...(extended.length === 0 ? [] : [`extends ${extended.map(plainText).join(', ')}`]),
      ...(implemented.length === 0 ? [] : [`implements ${implemented.map(plainText).join(', ')}`]),
    ]
    const kind = isClassDeclaration(node) ? 'class' : 'interface'
    return [`${kind} ${node.name?.text ?? ''}${typeParametersText(node.typeParameters)}`, ...clauses].join(' ')
  }

  isError(node: ClassOrInterface): boolean {
    return node.name?.text === 'SignalboxError' || this.#basesOf(node).some((base) => this.isError(base.node))
  }

  /** What it extends or implements; in place of a base whose members are shown as its own, what that one does. */
  #shownHeritage(node: ClassOrInterface, token?: SyntaxKind): readonly Node[] {
    const inner = this.#basesOf(node).filter(({ name }) => name === undefined)
    return heritageOf(node, token).flatMap((type) => {
      const base = inner.find((each) => each.type === type)
      return base === undefined ? [type] : this.#shownHeritage(base.node, token)
    })
  }

  /** What an overridden member says, unless the one that overrides it says something itself. */
  #withComment(member: FoundMember, node: ClassOrInterface): FoundMember {
    if (member.comment.text !== '') return member
    for (const base of this.#basesOf(node)) {
      const same = membersOf(this.#project, [...base.node.members]).find(({ name }) => name === member.name)
      const { comment } = this.#withComment(same ?? member, base.node)
      if (comment.text !== '') return { ...member, comment }
    }
    return member
  }

  /** The classes and interfaces of the project that it extends, with their names where they are exported. */
  #basesOf(node: ClassOrInterface): readonly Base[] {
    const { checker } = this.#project
    return heritageOf(node, SyntaxKind.ExtendsKeyword).flatMap((type) => {
      const { expression } = type as Node & { readonly expression: Node }
      const symbol = checker.getSymbolAtLocation(expression)
      if (symbol === undefined) return []
      const original = originalOf(checker, symbol)
      return declarationsOf(this.#project, original)
        .filter((base) => isClassDeclaration(base) || isInterfaceDeclaration(base))
        .filter((base) => !base.getSourceFile().isDeclarationFile)
        .map((base) => ({ node: base, type, name: this.#names.get(original.id) }))
    })
  }
}

function heritageOf(node: ClassOrInterface, token?: SyntaxKind): readonly Node[] {
  return [...(node.heritageClauses ?? [])]
    .filter((clause) => token === undefined || clause.token === token)
    .flatMap((clause) => [...clause.types])
}
