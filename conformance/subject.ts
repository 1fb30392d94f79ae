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
