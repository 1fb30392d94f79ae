import { expect, test } from 'vitest'
import { changeObstacle } from './change-obstacle.ts'

test.each([
  ['update t set a = 1 where b in (select c from u limit 2)', undefined],
  ['delete from t', undefined],
  ['with x as (select 1 limit 1) update t set a = 1', undefined],
  ['update t set a = 1 order by a limit 2', 'LIMIT'],
  ['delete from t limit ?', 'LIMIT'],
  ['insert into t values (1)', 'INSERT'],
  ['with x as (select 1) insert into t select * from x', 'INSERT'],
  ['replace into t values (1)', 'INSERT'],
  ['merge into t using u on t.a = u.a when matched then delete', 'MERGE'],
  ['select f(', 'WITH'],
] as const)('%s', (sql, obstacle) => {
  for (const dialect of ['mysql', 'postgres', 'sqlite'] as const) expect(changeObstacle(sql, dialect)).toBe(obstacle)
})
