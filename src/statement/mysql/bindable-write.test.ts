import { describe, expect, it } from 'vitest'
import { isBindableWrite } from './bindable-write.ts'

describe('writes whose values may be bound on MySQL', () => {
  it.each([
    'insert into item (id, name) values (?, ?)',
    'INSERT INTO `item` (`id`, `name`) VALUES (?, ?), (?, default) ON DUPLICATE KEY UPDATE name = ?, stock = values(stock) + ?',
    'insert ignore into item set id = ?, name = ?;',
    'replace into shop.item values (?, now(), ?)',
    'update item set stock = ? where id = ?',
    'update item set stock = stock - ?, made = now() where id = ? and (name = ? or name like ?) order by id limit 1',
    'update item i join kind k on k.id = i.kind and k.name = ? set i.name = ? where (((i.id) = ?))',
    'delete from item where id in (?, ?, 3) and stock between ? and ? and not (name <=> ?)',
    'delete from item where (id, kind) in ((?, ?), (1, ?))',
    "update item set name = 'a ? b', more = ? where id <> ?",
    'update item set stock = 1, name = ? where lower(name) = ?',
  ])('%s', (sql) => {
    expect(isBindableWrite(sql)).toBe(true)
  })

  it.each([
    'select name from item where id = ?',
    'update item set stock = 1 where id = 2',
    'insert into item (id) values (?) returning id',
    'insert into item (id, name) select ?, name from item',
    'update item set stock = (select max(stock) from item where id < ?)',
    'call change(?)',
    'with one as (select 1) delete from item where id = ?',
    'update item set name = concat(?, name)',
    'update item set name = concat(name, (?))',
    'update item set name = if(stock > ?, 1, 2)',
    'update item set name = case when stock then ? else ? end',
    'update item set made = date ?',
    'update item set made = now() + interval ? day',
    'update item set stock = stock / ?',
    'update item set stock = ? + stock',
    'update item set stock = ? = stock',
    'update item set name = _utf8mb4 ?',
    'update item set name = n?',
    "update item set name = 'a' ?",
    "update item set name = ? 'b'",
    'update item set name = ? collate utf8mb4_bin',
    "delete from item where name like ? escape '!'",
    'delete from item where stock is ?',
    'delete from item where not ?',
    'delete from item where ?',
    'delete from item where id = ? limit ?',
    'delete from item where id = ? limit 1, ?',
    'delete from item where id = ? order by ?',
    'update item set stock = @a where id = ?',
    'update item set stock = @@max_connections where id = ?',
    "update item set name = 'it\\'s' where id = ?",
    'update item set name = ?; delete from item',
    'update item set name = /*! ? */ 1 where id = ?',
    'update item set name = (? where id = ?',
    'set name = ?',
    '',
  ])('not %s', (sql) => {
    expect(isBindableWrite(sql)).toBe(false)
  })
})
