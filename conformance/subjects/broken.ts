import { createRequire } from 'node:module'
import type Pg from 'pg'
import { stand, type Subject } from '../subject.ts'

/** The module with one defect, a count of rows that is one too high: shows that the suites, and the comparison, notice. */
export const subject: Subject = async ({ bare }) => {
  const pg = createRequire(bare)(bare) as typeof Pg & { readonly Result: { readonly prototype: ResultBuilder } }
  const { prototype } = pg.Result
  const whole = prototype.addCommandComplete
  prototype.addCommandComplete = function (message) {
    whole.call(this, message)
    if (this.rowCount !== null) this.rowCount += 1
  }
  stand('pg', () => pg)
  stand('pg-pool', () => pg.Pool)
}

interface ResultBuilder {
  rowCount: number | null
  addCommandComplete: (this: ResultBuilder, message: unknown) => void
}
