import { OnCommitError } from '../errors.ts'

/** What is to be done after a commit. */
export type Callback = () => unknown

/** Calls what was to be called after a commit, one after the other. Throws `OnCommitError` if some of them failed. */
export async function runCallbacks(callbacks: readonly Callback[], database?: string): Promise<void> {
  const errors: unknown[] = []
  for (const callback of callbacks) {
    try {
      await callback()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw new OnCommitError(errors, database === undefined ? {} : { database })
}
