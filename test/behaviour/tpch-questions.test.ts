import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { forAllTests } from '../support/for-all-tests.ts'
import { expectRefused, numberedRows, outcomeCell, outcomeOf } from '../support/outcome.ts'
import { testedEngines } from '../support/servers.ts'
import { startShardedWholesale } from '../support/sharded-wholesale.ts'
import { wholesaleQuestions, type WholesaleQuestion } from '../support/wholesale-questions.ts'

const rewritten = wholesaleQuestions.filter(({ instead }) => instead !== undefined)
const stepwise = wholesaleQuestions.filter(({ steps }) => steps !== undefined)

describe.each(testedEngines)('the 22 questions of a decision-support benchmark, over shards on %s', (engine) => {
  const shop = forAllTests(async () => await startShardedWholesale(engine))

  /** The rows of one database; a question that finds nothing would prove nothing. */
  async function expectedRows(sql: string): Promise<readonly unknown[]> {
    const { rows } = await shop.whole.query<Readonly<Record<string, unknown>>>(sql)
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.some((row) => Object.values(row).every((value) => value !== null && Number(value) !== 0))).toBe(true)
    return rows
  }

  it.each(wholesaleQuestions)('$number has the answer of one database, or is refused', async ({ text, outcome }) => {
    const sql = text(engine)
    const expected = await expectedRows(sql)
    if (typeof outcome === 'string') {
      expect((await shop.sharded.query(sql)).rows).toEqual(expected)
      expect(outcomeOf(shop.sharded, { sql })).toBe(outcome)
    } else {
      await expectRefused(shop.sharded, { sql }, outcome)
    }
  })

  it.each(rewritten)('$number has its answer in other words', async ({ text, instead }) => {
    const sql = instead!(engine)
    const expected = await expectedRows(text(engine))
    expect((await shop.sharded.query(sql)).rows).toEqual(expected)
    expect(outcomeOf(shop.sharded, { sql })).toBe('groups')
  })

  it.each(stepwise)('$number has its answer in two questions', async ({ text, steps }) => {
    const expected = await expectedRows(text(engine))
    const answer = await steps!(shop.sharded, engine)
    // What the steps count in JavaScript is a number, and a text in some drivers.
    const written = (rows: readonly unknown[]): unknown =>
      rows.map((row) => Object.entries(row as object).map(([name, value]) => `${name} ${String(value)}`))
    expect(written(answer)).toEqual(written(expected))
  })
})

describe('the table of the documentation', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/sharding-questions.md', import.meta.url)), 'utf8')
  const rows = numberedRows(page, 'The questions')

  const otherCell = ({ instead, steps }: WholesaleQuestion): string =>
    instead !== undefined ? 'groups' : steps !== undefined ? 'two questions' : ''

  it('says of each question what was seen', () => {
    expect(rows.map(([number, , outcome, other]) => [Number(number), outcome, other?.split(':')[0]])).toEqual(
      wholesaleQuestions.map((question) => [question.number, outcomeCell(question.outcome), otherCell(question)]),
    )
    const answered = wholesaleQuestions.filter(({ outcome }) => typeof outcome === 'string').length
    expect(page).toContain(`${answered} of the 22`)
    for (const { outcome } of wholesaleQuestions) if (typeof outcome !== 'string') expect(page).toContain(outcome.code)
  })
})
