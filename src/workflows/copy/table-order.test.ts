import { expect, it } from 'vitest'
import type { TableShape } from './shapes/table-shape.ts'
import { orderTables } from './table-order.ts'

/** Tables by their names, with the names of those that they point at. */
function ordered(tables: Readonly<Record<string, readonly string[]>>): { order: string; circles: string } {
  const shapeOf = (id: string): TableShape => ({
    id,
    columns: [],
    key: [],
    references: (tables[id] ?? []).map((to) => ({
      name: `${id}_${to}`,
      columns: [],
      to,
      toText: to,
      toColumns: [],
      deferrable: true,
    })),
  })
  const { tables: order, circles } = orderTables(Object.keys(tables), shapeOf)
  return {
    order: order.join(' '),
    circles: circles
      .map(({ table, references }) => `${table}: ${references.map(({ name }) => name).join()}`)
      .join('; '),
  }
}

it('parents come before their children, and all else stays in its order', () => {
  expect(ordered({ review: ['product'], product: ['maker'], note: [], maker: [] })).toEqual({
    order: 'maker product review note',
    circles: '',
  })
  expect(ordered({ b: [], a: [], c: ['elsewhere'] })).toEqual({ order: 'b a c', circles: '' })
})

it('of a circle those are named that come before what they point at', () => {
  expect(ordered({ staff: ['staff'] })).toEqual({ order: 'staff', circles: 'staff: staff_staff' })
  expect(ordered({ team: ['member'], member: ['team'] })).toEqual({
    order: 'member team',
    circles: 'member: member_team',
  })
  expect(ordered({ a: ['b'], b: ['c'], c: ['a', 'd'], d: [] })).toEqual({ order: 'd c b a', circles: 'c: c_a' })
})
