import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { forAllTests } from '../support/for-all-tests.ts'
import {
  expectRefused,
  isRefused,
  numberedRows,
  outcomeCell,
  outcomeOf,
  outcomeOn,
  type Outcomes,
} from '../support/outcome.ts'
import { expectSameAnswer } from '../support/same-answer.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedTables } from '../support/sharded-tables.ts'
import { shopChanges, type Change, type ShopChange } from '../support/superstore-changes.ts'
import { shopQuestions, textFor, type Row, type ShopQuestion } from '../support/superstore-questions.ts'
import { superstoreShardKeys, superstoreTables } from '../support/superstore-tables.ts'

const changes = shopChanges.map((change, at) => ({ ...change, number: at + 1 }))
const questions = shopQuestions.map((question, at) => ({ ...question, number: at + 1 }))

describe.each(testedEngines)('questions of a shop, over its customers on shards of %s', (engine) => {
  const shop = forAllTests(
    async () =>
      await startShardedTables(engine, {
        tables: await superstoreTables(),
        shardKeys: superstoreShardKeys,
        keyType: 'text',
      }),
  )

  const refusedHere = ({ outcome }: { outcome: Outcomes }): boolean => isRefused(outcomeOn(engine, outcome))

  it.each(questions)('$number: $asks', async ({ sql, params = [], outcome, sortedBy }) => {
    const call = { sql: textFor(sql, engine), params }
    const expected = outcomeOn(engine, outcome)
    if (typeof expected === 'string') {
      await expectSameAnswer(shop.whole, shop.sharded, { ...call, sortedBy })
      expect(outcomeOf(shop.sharded, call)).toBe(expected)
    } else {
      expect((await shop.whole.query(call.sql, params)).rows).not.toEqual([])
      await expectRefused(shop.sharded, call, expected)
    }
  })

  const rewritten = questions.filter((question) => refusedHere(question) && question.instead !== undefined)
  it.each(rewritten)('$number, $instead.how', async ({ sql, params = [], instead, sortedBy }) => {
    const { rows } = await shop.whole.query<Row>(textFor(sql, engine), params)
    const call = { sql: textFor(instead!.sql, engine), params: instead!.params ?? params }
    await expectSameAnswer(shop.whole, shop.sharded, { ...call, sortedBy })
    expect(shownRows((await shop.sharded.query<Row>(call.sql, call.params)).rows)).toEqual(shownRows(rows))
    expect(outcomeOf(shop.sharded, call)).toBe(instead!.outcome)
  })

  const stepwise = questions.filter((question) => refusedHere(question) && question.steps !== undefined)
  it.each(stepwise)('$number, $steps.how', async ({ sql, params = [], steps }) => {
    const { rows } = await shop.whole.query<Row>(textFor(sql, engine), params)
    expect(shownRows(await steps!.ask(shop.sharded, engine))).toEqual(shownRows(rows))
  })

  describe('changes', () => {
    async function expectSameTable({ table, key }: ShopChange): Promise<void> {
      const text = `select * from ${table} order by ${key}`
      const [one, many] = [await shop.whole.query(text), await shop.sharded.query(text)]
      expect(many.rows).toEqual(one.rows)
    }

    it.each(changes)('$number: $asks', async (change) => {
      const { sql, params = [], instead, steps } = change
      const call = callOf(change)
      const outcome = outcomeOn(engine, change.outcome)
      if (typeof outcome !== 'string') await expectRefused(shop.sharded, call, outcome)
      const { rowCount } = await shop.whole.query(textFor(sql, engine), params)
      expect(rowCount).toBeGreaterThan(0)
      if (typeof outcome === 'string' || instead !== undefined) {
        const done = typeof outcome === 'string' ? change : { params, ...instead! }
        const { params: given, options, sql: text } = callOf(done)
        const answer = await shop.sharded.query(text, given, options)
        expect(answer.rowCount).toBe(rowCount)
        expect(outcomeOf(shop.sharded, callOf(done))).toBe(outcomeOn(engine, done.outcome))
      } else {
        await steps!.carryOut(shop.sharded, engine)
      }
      await expectSameTable(change)
    })

    function callOf({ sql, params = [], options = {} }: Change) {
      return { sql: textFor(sql, engine), params, options }
    }
  })
})

describe('the tables of the documentation', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/sharding-questions.md', import.meta.url)), 'utf8')
  const otherCell = ({ outcome, instead, steps }: ShopQuestion | ShopChange): string => {
    if (!isRefused(outcome)) return ''
    return instead === undefined ? (steps?.how ?? '') : `${outcomeCell(instead.outcome)}: ${instead.how}`
  }
  const lines = (list: readonly (ShopQuestion | ShopChange)[]) =>
    list.map((each, at) => [String(at + 1), each.asks, outcomeCell(each.outcome), otherCell(each)])
  const answered = (list: readonly { readonly outcome: Outcomes }[]): string =>
    `${list.filter(({ outcome }) => !isRefused(outcome)).length} of the ${list.length}`

  it('say of each question what was seen', () => {
    expect(numberedRows(page, 'The questions of a shop')).toEqual(lines(shopQuestions))
    expect(page).toContain(`${answered(shopQuestions)} questions`)
  })

  it('say of each change what was seen', () => {
    expect(numberedRows(page, 'The changes of a shop')).toEqual(lines(shopChanges))
    expect(page).toContain(`${answered(shopChanges)} changes`)
  })

  it('every refusal has another way beside it', () => {
    for (const question of [...shopQuestions, ...shopChanges])
      expect(isRefused(question.outcome), question.asks).toBe(otherCell(question) !== '')
  })
})

/** Numbers that were counted in JavaScript are texts in some drivers, and fractions have more digits or fewer. */
function shownRows(rows: readonly Row[]): unknown {
  const shown = (value: unknown): unknown => {
    if (value instanceof Date) return value.toISOString()
    return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
      ? Number(Number(value).toPrecision(9))
      : value
  }
  return rows.map((row) => Object.entries(row).map(([name, value]) => [name, shown(value)]))
}
