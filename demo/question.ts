import type { Checklist } from './checklist.ts'
import type { Cell } from './page.ts'
import type { Shop } from './shop.ts'

export interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** What must hold for the answer to be right: a fact that was worked out from the CSV file, by another way. */
  readonly verify: (checklist: Checklist) => void
}

/** Something that a shop wants to know, answered by statements of which none names a database. */
export interface Question {
  readonly title: string
  /** What is worth noticing about the way of the answer. */
  readonly remark: string
  ask(shop: Shop): Promise<Answer>
}
