import type { ModelColumn, ModelForeignKey, ModelTable, ShadowWorld, ValueKind } from '../model.ts'

function column(name: string, values: ValueKind): ModelColumn {
  return { name, values, generated: false }
}

function key(columns: string, table: string, referenced: string): ModelForeignKey {
  return { columns: [columns], table, referenced: [referenced] }
}

const plain = { nullableKey: false, hasRowNumbers: false, isNumbered: false, kind: 'augment' } as const

const grp: ModelTable = {
  ...plain,
  name: 'grp',
  columns: [column('id', 'int'), column('code', 'text'), column('parent', 'int'), column('owner', 'int')],
  primaryKey: ['id'],
  uniqueKeys: [['code']],
  arbiters: [{ columns: ['id'] }, { columns: ['code'] }],
  foreignKeys: [key('parent', 'grp', 'id'), key('owner', 'item', 'id')],
}

const item: ModelTable = {
  ...plain,
  name: 'item',
  columns: [
    column('id', 'int'),
    column('grp', 'int'),
    column('a', 'int'),
    column('b', 'int'),
    column('name', 'text'),
    column('qty', 'int'),
  ],
  primaryKey: ['id'],
  uniqueKeys: [['a', 'b']],
  arbiters: [
    { columns: ['id'] },
    { columns: ['a', 'b'] },
    { columns: ['name'], sql: 'lower(name)', predicate: ' where qty > 3' },
  ],
  foreignKeys: [key('grp', 'grp', 'id')],
}

const tag: ModelTable = {
  ...plain,
  name: 'tag',
  columns: [column('item', 'int'), column('label', 'text'), column('grp', 'text')],
  primaryKey: ['item', 'label'],
  uniqueKeys: [],
  arbiters: [{ columns: ['item', 'label'] }],
  foreignKeys: [key('item', 'item', 'id'), key('grp', 'grp', 'code')],
}

/** Three tables with many rows that foreign keys connect in every way: two refer to each other, and one to itself. */
export const linkedWorld: ShadowWorld = {
  tables: [grp, item, tag],
  views: ['counted'],
  definitions: [
    'create table grp (id int primary key, code text not null unique, parent int references grp (id) on delete cascade on update cascade)',
    `create table item (id int primary key, grp int references grp (id) on delete set null on update cascade, a int, b int default 5,
      name text not null, qty int check (qty >= 0), unique (a, b))`,
    'create unique index item_name on item (lower(name)) where qty > 3',
    'alter table grp add owner int references item (id) on delete set null on update cascade',
    `create table tag (item int references item (id) on delete cascade on update cascade, label text, grp text references grp (code),
      primary key (item, label))`,
    `create view counted as select g.id, g.code, count(i.id) as n, max(t.label) as last
      from grp g left join item i on i.grp = g.id left join tag t on t.item = i.id group by g.id`,
  ],
  rows: [
    `insert into grp values (1, 'a', null), (2, 'b', 1), (3, 'A', 1), (4, 'c', 3), (5, 'B', null)`,
    'insert into item select n, nullif(n % 6, 0), n % 4, n, chr(96 + n), n % 8 from generate_series(1, 12) n',
    'update grp set owner = id * 2 where id <> 2',
    `insert into tag select n, chr(97 + n % 3), (array['a', 'b', 'A', 'c', 'B'])[1 + n % 5] from generate_series(1, 9) n`,
  ],
}
