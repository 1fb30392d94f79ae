import { existsSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What the program that runs a suite is told of its subject, in its environment. */
export interface SubjectWishes {
  readonly subject: string
  /** The module that the subject stands for, as the suite brings it. */
  readonly bare: string
  readonly primary: string
  readonly replicas: readonly string[]
}

/** Puts itself in the place of what a suite tests. */
export type Subject = (wishes: SubjectWishes) => Promise<void>

export const wishesKey = 'SIGNALBOX_CONFORMANCE'

/** What the shim of a module gives in its place (`work-file.ts`). */
export function stand(name: string, inItsPlace: () => unknown): void {
  Object.defineProperty(globalThis, Symbol.for(`signalbox.conformance.${name}`), { value: inItsPlace })
}

/** Has Signalbox work with the very copies of the drivers that the suite brings: classes of errors and results are the same, and nothing else differs. */
export function useDriversOf({ bare }: SubjectWishes): void {
  const ours = new URL('../dist/', import.meta.url).href
  const copies: Readonly<Record<string, () => string>> = {
    'pg/lib/index.js': () => bare,
    mysql2: () => bareOf(createRequire(bare).resolve('mysql2')),
  }
  registerHooks({
    resolve: (specifier, context, next) => {
      const copy = context.parentURL?.startsWith(ours) === true ? copies[specifier] : undefined
      if (copy === undefined) return next(specifier, context)
      return { url: pathToFileURL(copy()).href, format: 'commonjs', shortCircuit: true }
    },
  })
}

/** The module itself, where two lines stand in its place (`work-file.ts`). */
export function bareOf(file: string): string {
  const bare = join(dirname(file), 'bare.js')
  return existsSync(bare) ? bare : file
}
