import { expect, it } from 'vitest'
import { splitStatements } from './split-statements.ts'
import type { Dialect } from './statement.ts'

const texts: readonly (readonly [Dialect, string, readonly string[]])[] = [
  ['sqlite', '', []],
  ['sqlite', ' ; -- nothing\n;', []],
  ['sqlite', `select ';' as ";" /* ; */; select [;]`, [`1: select ';' as ";"`, '1: select [;]']],
  ['sqlite', '-- first\nselect 1; -- one\n\n/* two */ select\n 2;\n', ['2: select 1', '4: select\n 2']],
  [
    'sqlite',
    'create temp trigger t after insert on a begin update b set n = case when 1 then 2 end; select 1; end; select 2',
    [
      '1: create temp trigger t after insert on a begin update b set n = case when 1 then 2 end; select 1; end',
      '1: select 2',
    ],
  ],
  [
    'sqlite',
    `begin; select 1; end; select 'open; select 2`,
    ['1: begin', '1: select 1', '1: end', `1: select 'open; select 2`],
  ],
  ['postgres', `select $$;$$, E'\\';'; select 1`, [`1: select $$;$$, E'\\';'`, '1: select 1']],
  [
    'postgres',
    'create function f() returns int begin atomic select 1; select case when true then 1 end; end; select f()',
    [
      '1: create function f() returns int begin atomic select 1; select case when true then 1 end; end',
      '1: select f()',
    ],
  ],
  [
    'postgres',
    'begin; /* a /* nested; */ ; */ select 1; end; commit',
    ['1: begin', '1: select 1', '1: end', '1: commit'],
  ],
  ['mysql', "select 'a\\';b'; # ;\nselect `;`", ["1: select 'a\\';b'", '2: select `;`']],
  [
    'mysql',
    'create trigger t before insert on a for each row set new.n = 1; select 1',
    ['1: create trigger t before insert on a for each row set new.n = 1', '1: select 1'],
  ],
  [
    'mysql',
    'create procedure p() begin if 1 then select 1; end if; case 1 when 1 then select 2; end case; end; select 3',
    [
      '1: create procedure p() begin if 1 then select 1; end if; case 1 when 1 then select 2; end case; end',
      '1: select 3',
    ],
  ],
  [
    'mysql',
    '/*!40101 set names utf8 */; create table t (id int) /*!50100 engine=x */;',
    ['1: /*!40101 set names utf8 */', '1: create table t (id int) /*!50100 engine=x */'],
  ],
]

it.each(texts)('%s: %s', async (dialect, text, expected) => {
  const statements = await splitStatements(text, dialect)
  expect(statements.map(({ sql, line }) => `${line}: ${sql}`)).toEqual(expected)
})
