/** What the pages of the API reference are made of: plain data, read from the compiler once. */
import { noComment, type DocComment } from './doc-comment.ts'

/** One name that a path of the package gives. */
export interface ApiExport {
  /** The path of the package: `signalbox`, `signalbox/http`, … */
  readonly entry: string
  readonly name: string
  readonly kind: 'function' | 'class' | 'interface' | 'type' | 'constant'
  /** Where it is declared, below the root of the project. */
  readonly file: string
  /** One for each overload of a function, else one. */
  readonly signatures: readonly ApiSignature[]
  readonly members: readonly ApiMember[]
  /** Exported interfaces and classes whose members it has, too. */
  readonly bases: readonly Mention[]
  /** Exported types that its signatures name. */
  readonly mentions: readonly Mention[]
  /** Types that its signatures name and that no path of the package exports. */
  readonly hidden: readonly string[]
  /** The codes that an error class carries; none for all else. */
  readonly errorCodes: readonly string[]
  readonly isError: boolean
}

/** TypeScript, and what is said of it. */
export interface ApiSignature {
  readonly code: string
  readonly comment: DocComment
}

/** A property, a method or a constructor. */
export interface ApiMember {
  readonly name: string
  readonly kind: 'property' | 'method' | 'constructor'
  readonly signatures: readonly string[]
  readonly comment: DocComment
}

/** Another export, by its path and name. */
export interface Mention {
  readonly entry: string
  readonly name: string
}

/** What is said of an export as a whole: of overloads, where most is said. */
export function mainComment({ signatures }: ApiExport): DocComment {
  const [first, ...others] = signatures.map(({ comment }) => comment)
  return others.reduce((most, each) => (each.text.length > most.text.length ? each : most), first ?? noComment)
}

/** An {@link ApiExport} as {@link Mention}s name it. */
export function keyOf({ entry, name }: Mention): string {
  return `${entry}#${name}`
}
