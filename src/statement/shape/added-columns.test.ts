import { describe, expect, it, test } from 'vitest'
import type { Dialect } from '../statement.ts'
import { readAddedColumns } from './added-columns.ts'

function read(sql: string, dialect: Dialect): unknown {
  const found = readAddedColumns(sql, dialect)
  const text = ({ start, end }: { readonly start: number; readonly end: number }): string => sql.slice(start, end)
  return (
    found && [
      text(found.target),
      text(found.name),
      ...found.columns.map(({ name, definition, isOptional, references, checks }) => ({
        name,
        definition: text(definition),
        ...(isOptional ? { isOptional } : {}),
        ...(references.length > 0 ? { references: references.map((each) => [text(each.span), each.name]) } : {}),
        ...(checks.length > 0 ? { checks: checks.map(text) } : {}),
      })),
    ]
  )
}

describe('the columns that an ALTER TABLE adds', () => {
  it.each<readonly [string, unknown]>([
    ['alter table product add stock', ['product', 'product', { name: 'stock', definition: 'stock' }]],
    [
      'alter table main."pro duct" add column [a b] integer not null default 0;',
      ['main."pro duct"', '"pro duct"', { name: 'a b', definition: '[a b] integer not null default 0' }],
    ],
    [
      "alter table t add a int default (f('CHECK (', 1, 2)) check (a > (1)) constraint c references main.u (id) check (b)",
      [
        't',
        't',
        {
          name: 'a',
          definition:
            "a int default (f('CHECK (', 1, 2)) check (a > (1)) constraint c references main.u (id) check (b)",
          references: [['main.u', 'u']],
          checks: ['a > (1)', 'b'],
        },
      ],
    ],
  ])('are understood on both: %s', (sql, found) => {
    if (!sql.includes('[')) expect(read(sql, 'postgres')).toEqual(found)
    expect(read(sql, 'sqlite')).toEqual(found)
  })

  it('may be several on PostgreSQL', () => {
    expect(
      read(
        'alter table if exists only shop.t add column if not exists a numeric(8, 2), add "B" text references u; ',
        'postgres',
      ),
    ).toEqual([
      'shop.t',
      't',
      { name: 'a', definition: 'a numeric(8, 2)', isOptional: true },
      { name: 'B', definition: '"B" text references u', references: [['u', 'u']] },
    ])
  })

  test.each([
    'alter table t rename to u',
    'alter table t rename column a to b',
    'alter table t drop column a',
    'alter table t add constraint c check (a > 0)',
    'alter table t add check (a > 0)',
    'alter table t add a int, drop column b',
    'alter table t add unique (a)',
    'alter table t add',
    'alter table t',
    'create table t (a int)',
    'alter table t add a (',
  ])('are not: %s', (sql) => {
    expect(readAddedColumns(sql, 'sqlite')).toBeUndefined()
    expect(readAddedColumns(sql, 'postgres')).toBeUndefined()
  })
})
