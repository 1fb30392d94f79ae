import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Client, Transaction } from '../../src/index.ts'
import { testedEngines } from '../support/servers.ts'
import { sequenceBase, sequenceReads, sequenceStatement, sequenceTables } from '../support/shadow-sequences.ts'
import { shadowedShop } from '../support/shadowed-shop.ts'

/** What a statement came to; its error leaves the transaction as it was. */
async function outcome(tx: Transaction, sql: string): Promise<unknown> {
  try {
    const { rows, rowCount } = await tx.transaction(async (inner) => await inner.query(sql))
    const shown = rows.map((row) => inspect(row))
    return { rows: sql.includes('order by') ? shown : shown.toSorted(), rowCount }
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : error
  }
}

/** What a sequence came to, statement by statement; all of it is rolled back. */
async function played(client: Client, statements: readonly string[]): Promise<readonly unknown[]> {
  const found: unknown[] = []
  const undone = new Error('undone')
  await client
    .transaction(async (tx) => {
      for (const sql of [...statements, ...sequenceReads]) found.push([sql, await outcome(tx, sql)])
      throw undone
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error
    })
  return found
}

describe.runIf(testedEngines.includes('postgres'))('sequences of statements made at random', () => {
  it('come to the same on a shadow as on a full copy of the base', { timeout: 3_600_000 }, async () => {
    const augmented = Object.fromEntries(sequenceTables.map((table) => [table, 'augment'] as const))
    await using both = await shadowedShop(sequenceBase, augmented, 'postgres')
    const numRuns = Number(process.env['SIGNALBOX_SHADOW_SEQUENCES'] ?? 60)
    const seed = Number(process.env['SIGNALBOX_SHADOW_SEED'] ?? 1)
    let changed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(sequenceStatement, { minLength: 1, maxLength: 8 }), async (statements) => {
        const [shadow, copy] = [await played(both.shadow, statements), await played(both.copy, statements)]
        changed += copy.filter((each) => /rowCount: [1-9]/.test(inspect(each))).length
        expect(shadow).toEqual(copy)
      }),
      { numRuns, seed },
    )
    expect(changed).toBeGreaterThan(numRuns)
  })
})
