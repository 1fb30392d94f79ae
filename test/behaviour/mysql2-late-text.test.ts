import { channel } from 'node:diagnostics_channel'
import bare from 'mysql2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { told } from '../support/notes.ts'
import { testedEngines } from '../support/servers.ts'
import { SharedReadsBench } from '../support/shared-reads.ts'

interface Made extends bare.Query {
  readonly sql: string
}

describe.runIf(testedEngines.includes('mysql'))(
  'the text of a query of mysql2, which is made when somebody reads it',
  () => {
    const at = new SharedReadsBench(['create table item (id integer primary key, name varchar(40))'])

    /** What `work` notes on a connection of Signalbox and on one of mysql2's. */
    async function onBoth(
      work: (connection: bare.Connection, note: (...line: unknown[]) => void) => Promise<void> | void,
      options: bare.PoolOptions = {},
    ): Promise<readonly [ours: unknown[], theirs: unknown[]]> {
      const client = await at.client()
      const noted: [unknown[], unknown[]] = [[], []]
      for (const [n, pool] of [at.poolOf(client, options), at.barePool(options)].entries()) {
        const { connection } = (await pool.promise().getConnection()) as unknown as { connection: bare.PoolConnection }
        await work(connection, (...line) => void noted[n]!.push(line))
        await connection.promise().query('delete from item')
        connection.release()
      }
      return noted
    }

    const statements: readonly (readonly [string, ...unknown[]])[] = [
      ['select ? as a, ? as b', [1, "it's"]],
      ['select ?', [null]],
      ['select ?, ?, ?, ?', [true, undefined, 12n, 1.5]],
      ['select ?', [new Date(86_400_000)]],
      ['select ?', [Buffer.from('x')]],
      ['insert into item set ?', [{ id: 5, name: 'five' }]],
      ['select * from item where id in (?)', [[1, 2]]],
      ['select ? as a', [1, 2]],
      ['select 1 as a'],
      ['select 1 as a', []],
      ['select ? as a', 7],
      ['select ?? from item where id = ?', ['name', 3]],
      ["select '?' as a, ? as b", [1]],
      ['select a ? nonsense', ['x']],
      ['insert into item values (?, ?)', [5, 'again']],
    ]

    it('is what it is with mysql2, before the answer and after it, and in errors', async () => {
      const [ours, theirs] = await onBoth(async (connection, note) => {
        for (const [sql, values] of statements) {
          // Twice: what is known of a text is sent in another way.
          for (const wantsEarly of [true, false, false]) {
            await new Promise<void>((resolve) => {
              const made = connection.query(sql, values as never, (error) => {
                note('after', made.sql, (error as { sql?: string } | null)?.sql)
                resolve()
              }) as Made
              if (wantsEarly) note('before', made.sql)
            })
          }
        }
      })
      expect(ours).toEqual(theirs)
    })

    it('is a property of the query itself', async () => {
      const [ours, theirs] = await onBoth(async (connection, note) => {
        await new Promise<void>((resolve) => {
          const made = connection.query('select ? as a', [1], () => {
            // Where a query is not sent itself, it has no settings to be sent by.
            const names = Object.keys(made).filter((name) => name !== 'options')
            note(names.toSorted(), Object.hasOwn(made, 'sql'), { ...made }.sql, Object.assign({}, made).sql)
            resolve()
          }) as Made
        })
      })
      expect(ours).toEqual(theirs)
    })

    it('has the values that there were at the call', async () => {
      const [ours, theirs] = await onBoth(async (connection, note) => {
        const [row, date, bytes] = [[1, 'one'], new Date(0), Buffer.from('a')]
        const all = [row, [date, bytes]].map(
          async (values) =>
            await new Promise<void>((resolve) => {
              const made = connection.query('insert into item (id, name) values (?, ?)', values, (error, rows) => {
                note(made.sql, error === null ? (rows as { affectedRows: number }).affectedRows : told(error))
                resolve()
              }) as Made
            }),
        )
        row[1] = 'other'
        row.push(3)
        date.setFullYear(2_000)
        bytes[0] = 0x62
        await Promise.all(all)
        note((await connection.promise().query('select * from item'))[0])
      })
      expect(ours).toEqual(theirs)
    })

    it('comes of names, too, and queries may be made beforehand', async () => {
      const [ours, theirs] = await onBoth(
        async (connection, note) => {
          await new Promise<void>((resolve) => {
            const made = connection.query('select :a as a, :b as b', { a: 1, b: 'x' } as never, (_error, rows) => {
              note(made.sql, rows)
              resolve()
            }) as Made
            note(made.sql)
          })
          await new Promise<void>((resolve) => {
            const first = connection.query({ sql: 'select ? as a', values: [3] }, [4] as never, (_error, rows) => {
              note(first.sql, rows)
              resolve()
            }) as Made
            note(first.sql, first.constructor === (connection.query('select 1') as Made).constructor)
          })
          const { createQuery } = bare as unknown as {
            readonly createQuery: (sql: string, values: unknown, done: unknown, config: object) => Made
          }
          await new Promise<void>((resolve) => {
            const made = createQuery(
              'select ? as a',
              [5],
              (_error: unknown, rows: unknown) => (note(made.sql, rows), resolve()),
              {},
            )
            connection.query(made as never)
            note(made.sql)
          })
        },
        { namedPlaceholders: true },
      )
      expect(ours).toEqual(theirs)
    })

    it('is told to those who listen to what mysql2 does, and refuses what mysql2 refuses', async () => {
      const heard: unknown[] = []
      const hear = (message: unknown): void => void heard.push((message as { readonly query: string }).query)
      const [ours, theirs] = await onBoth(async (connection, note) => {
        const listened = channel('tracing:mysql2:query:start')
        listened.subscribe(hear)
        onTestFinished(() => {
          listened.unsubscribe(hear)
        })
        await new Promise<void>((resolve) => void connection.query('select ? as a', [7], () => resolve()))
        listened.unsubscribe(hear)
        try {
          connection.query('select ?', [Symbol('x')] as never, () => undefined)
          note('taken')
        } catch (error) {
          note((error as Error).message)
        }
      })
      expect(ours).toEqual(theirs)
      expect(heard).toEqual(['select 7 as a', 'select 7 as a'])
    })
  },
)
