import { describe, expect, it } from 'vitest'
import { TableMap, type TableHome } from './table-map.ts'

const home = (pattern: string, database: string): TableHome => ({ pattern, database, kind: 'unsharded' })

describe('TableMap', () => {
  const map = new TableMap([
    home('*', 'rest'),
    home('archived_*', 'archive'),
    home('archived_order_*', 'orders'),
    home('archived_order_2020', 'cold'),
    home('audit.*', 'audit'),
    home('public.review', 'reviews'),
    home('Order', 'orders'),
    home('page?', 'pages'),
    home('a.b+c', 'odd'),
  ])
  it.each([
    [{ name: 'archived_x' }, 'archive'],
    [{ name: 'archived_order_2021' }, 'orders'],
    [{ name: 'archived_order_2020' }, 'cold'],
    [{ schema: 'audit', name: 'archived_order_2020' }, 'cold'],
    [{ schema: 'audit', name: 'entry' }, 'audit'],
    [{ schema: 'public', name: 'review' }, 'reviews'],
    [{ name: 'review' }, 'rest'],
    [{ name: 'Order' }, 'orders'],
    [{ name: 'ORDER' }, 'orders'],
    [{ name: 'page1' }, 'pages'],
    [{ name: 'page12' }, 'rest'],
    [{ schema: 'a', name: 'b+c' }, 'odd'],
    [{ schema: 'a', name: 'bbc' }, 'rest'],
  ])('%j lives in %s', (table, database) => {
    expect(map.homeOf(table)?.database).toBe(database)
  })

  it('knows nothing of undeclared tables', () => {
    expect(new TableMap([home('review', 'reviews')]).homeOf({ name: 'product' })).toBeUndefined()
    expect(new TableMap([]).isEmpty).toBe(true)
    expect(map.isEmpty).toBe(false)
  })

  it('prefers the declaration that came first among equals', () => {
    expect(new TableMap([home('a*', 'one'), home('*a', 'two')]).homeOf({ name: 'aa' })?.database).toBe('one')
  })

  it('lists what is declared for a database', () => {
    expect(map.patternsOf('orders')).toEqual(['Order', 'archived_order_*'])
  })
})
