import { createRequire } from 'node:module'
import { stand, type Subject } from '../subject.ts'

/** The module itself, by the way that a façade takes: shows that the way changes nothing. */
export const subject: Subject = async ({ bare }) => {
  const pg = createRequire(bare)(bare) as { readonly Pool: unknown }
  stand('pg', () => pg)
  stand('pg-pool', () => pg.Pool)
}
