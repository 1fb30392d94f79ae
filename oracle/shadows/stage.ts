import type { Client } from '../../src/index.ts'

/** A base, a shadow of it, and a full copy of it. */
export interface Stage extends AsyncDisposable {
  readonly shadow: Client
  readonly copy: Client
  /** A new client of the same shadow. */
  readonly again: () => Promise<Client>
  /** Undoes what was played, on both sides. */
  readonly renew: () => Promise<void>
  /** What is wrong with the base, or with what the shadow has stored; to be asked for behind each sequence. `isLast`: nothing more is played. */
  readonly faults: (isLast: boolean) => Promise<readonly string[]>
}
