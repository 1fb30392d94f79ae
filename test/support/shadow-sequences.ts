import fc from 'fast-check'

/** Tables that foreign keys connect in every way, for statements made at random. */
export const sequenceBase: readonly string[] = [
  `create table grp (id int primary key, code text not null unique, parent int references grp (id) on delete cascade on update cascade)`,
  `create table item (id int primary key, grp int references grp (id) on delete set null on update cascade, a int, b int default 5,
    name text not null, qty int check (qty >= 0), unique (a, b))`,
  `create unique index item_name on item (lower(name)) where qty > 3`,
  // Each refers to the other.
  'alter table grp add owner int references item (id) on delete set null on update cascade',
  `create table tag (item int references item (id) on delete cascade on update cascade, label text, grp text references grp (code),
    primary key (item, label))`,
  `insert into grp values (1, 'g1', null), (2, 'g2', 1), (3, 'g3', 1), (4, 'g4', 3), (5, 'g5', null)`,
  `insert into item select n, nullif(n % 6, 0), n % 4, n, 'item ' || n, n % 8 from generate_series(1, 12) n`,
  'update grp set owner = id * 2 where id <> 2',
  `insert into tag select n, 'l' || n % 3, 'g' || 1 + n % 5 from generate_series(1, 9) n`,
]

export const sequenceTables: readonly string[] = ['grp', 'item', 'tag']

/** Everything, in an order that nothing leaves open. */
export const sequenceReads: readonly string[] = [
  'select * from grp order by id',
  'select * from item order by id',
  'select * from tag order by item, label',
  'select g.id, g.code, count(i.id) as n, max(t.label) as last from grp g left join item i on i.grp = g.id left join tag t on t.item = i.id group by g.id order by g.id',
]

const small = fc.integer({ min: 0, max: 14 })
const id = fc.oneof(small, small, fc.constant('null'))
const name = fc.integer({ min: 0, max: 14 }).chain((n) => fc.constantFrom(`'item ${n}'`, `'ITEM ${n}'`, `'new ${n}'`))
const code = fc.integer({ min: 1, max: 7 }).map((n) => `'g${n}'`)
const label = fc.integer({ min: 0, max: 3 }).map((n) => `'l${n}'`)

const text = (strings: TemplateStringsArray, ...parts: readonly fc.Arbitrary<unknown>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((values) => String.raw({ raw: strings }, ...values))

const itemWhere = fc.oneof(
  text`id = ${small}`,
  text`id in (${small}, ${small}, ${small})`,
  text`id > ${small}`,
  text`grp = ${small}`,
  text`qty between ${small} and 5`,
  text`exists (select 1 from tag t where t.item = item.id and t.label = ${label})`,
  text`grp in (select id from grp where parent = ${small})`,
)
const grpWhere = fc.oneof(
  text`id = ${small}`,
  text`code = ${code}`,
  text`parent = ${small}`,
  text`not exists (select 1 from item i where i.grp = grp.id) and id > ${small}`,
)
const itemRow = text`(${small}, ${id}, ${small}, ${small}, ${name}, ${fc.integer({ min: -1, max: 9 })})`
const rows = fc.array(itemRow, { minLength: 1, maxLength: 3 }).map((all) => all.join(', '))
const itemConflict = fc.oneof(
  fc.constantFrom('', '', 'on conflict do nothing', 'on conflict (id) do nothing'),
  fc.constant('on conflict (id) do update set name = excluded.name, qty = item.qty + 1'),
  fc.constant('on conflict (a, b) do update set id = excluded.id'),
  fc.constant('on conflict (lower(name)) where qty > 3 do update set qty = excluded.qty'),
)
const returning = fc.constantFrom('', 'returning *')

/** A statement that changes rows, in the dialect of PostgreSQL. */
export const sequenceStatement: fc.Arbitrary<string> = fc.oneof(
  text`insert into item (id, grp, a, b, name, qty) values ${rows} ${itemConflict} ${returning}`,
  text`insert into item select id + ${small}, grp, a + 20, b + ${small}, name || '!', qty from item where ${itemWhere} ${itemConflict}`,
  text`insert into grp values (${small}, ${code}, ${id}) ${fc.constantFrom('', 'on conflict (code) do update set parent = excluded.parent', 'on conflict (id) do update set code = excluded.code')} ${returning}`,
  text`insert into tag values (${small}, ${label}, ${code}) ${fc.constantFrom('', 'on conflict (item, label) do update set grp = excluded.grp')}`,
  text`insert into tag select i.id, ${label}, g.code from item i join grp g on g.id = i.grp where i.${itemWhere.filter((w) => !w.startsWith('exists'))} on conflict do nothing`,
  text`update item set qty = qty + ${fc.integer({ min: -6, max: 6 })} where ${itemWhere} returning id, qty`,
  text`update item set grp = ${id}, name = ${name} where ${itemWhere}`,
  text`update item set id = id + ${fc.integer({ min: -3, max: 30 })} where id = ${small}`,
  text`update item set (a, b) = (${small}, ${small}) where id = ${small}`,
  text`update item set qty = t.n from (select item, count(*)::int as n from tag group by item) t where t.item = item.id and ${itemWhere.filter((w) => w.startsWith('id'))}`,
  text`update grp set code = ${code} where id = ${small}`,
  text`update grp set parent = ${id} where ${grpWhere} returning *`,
  text`update grp set id = id + 20 where id = ${small}`,
  text`update grp set owner = ${id} where ${grpWhere}`,
  text`update tag set item = ${small}, grp = ${code} where item = ${small} returning *`,
  text`delete from item where ${itemWhere} ${returning}`,
  text`delete from grp where ${grpWhere} returning id`,
  text`delete from tag using item i where i.id = tag.item and i.grp = ${small} returning label`,
  text`delete from tag where label = ${label}`,
  fc.constantFrom(
    'delete from item',
    'truncate tag',
    'truncate item cascade',
    'truncate item',
    'truncate grp, item, tag',
  ),
)
