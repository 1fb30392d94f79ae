import { messageOf, SignalboxError } from 'signalbox'
import type { Checklist } from './checklist.ts'
import { indent, paint, wrap, type Page } from './page.ts'
import type { Shop } from './shop.ts'

/** What cannot be right is refused before anything is sent, with a message that says what to do instead. */
export async function showRefusals(shop: Shop, page: Page, checklist: Checklist): Promise<void> {
  const join = 'select p.name, l.sales from order_line l join product p on p.id = l.product_id'
  page.line('A join of tables that live in different databases:')
  await refused(page, checklist, 'SIGNALBOX_CROSS_DATABASE_QUERY', join, async () => await shop.query(join))

  const before = await linesOfOrder(shop)
  page.line('\nA transaction that would have to span two databases:')
  const statements = [
    "delete from order_line where order_id = 'CA-2016-152156'",
    'delete from review where line_id = 1',
  ]
  await refused(page, checklist, 'SIGNALBOX_CROSS_DATABASE_TRANSACTION', statements.join(';\n'), async () => {
    await shop.transaction(async (tx) => {
      for (const statement of statements) await tx.query(statement)
    })
  })
  checklist.holds('its first statement was rolled back', (await linesOfOrder(shop)) === before && before > 0)
}

async function refused(
  page: Page,
  checklist: Checklist,
  code: string,
  sql: string,
  attempt: () => Promise<unknown>,
): Promise<void> {
  page.line(paint('yellow', indent(sql, 2)))
  try {
    await attempt()
    checklist.holds(`it is refused with ${code}`, false)
  } catch (error) {
    page.line(paint('red', indent(wrap(messageOf(error), 96), 4)))
    checklist.holds(`refused with ${code}`, error instanceof SignalboxError && error.code === code)
  }
}

async function linesOfOrder(shop: Shop): Promise<number> {
  const { rows } = await shop.query<{ found: number | string }>(
    "select count(*) as found from order_line where order_id = 'CA-2016-152156'",
  )
  return Number(rows[0]?.found)
}
