import { inspect } from 'node:util'

import { describe, expect } from 'vitest'

import { QueryError, SignalboxError } from '../../../src/errors.ts'
import { failureOf, insertItem, read, statement, type ContractContext } from './context.ts'

/** Stands where a data source name has its password, and must stand nowhere else. */
const secret = 'Xq7-wonderful-secret'

export function describeErrors(context: ContractContext): void {
  const { check, open, sql } = context
  describe('errors', () => {
    check('classifies a violated constraint', async () => {
      const pool = await open()
      await pool.query(insertItem(context, 'apple', 1))
      const error = await failureOf(() => pool.query(insertItem(context, 'apple', 2)))
      expect(error).toMatchObject({ name: 'QueryError', errorClass: 'constraint', code: 'SIGNALBOX_CONSTRAINT' })
      expect(error).toMatchObject({ safeToRetry: false, engineCode: expect.any(String), cause: expect.any(Error) })
    })

    check('classifies a value that is missing as a constraint', async () => {
      const pool = await open()
      const error = await failureOf(() => pool.query(statement('insert into item (n) values (1)')))
      expect(error).toMatchObject({ errorClass: 'constraint' })
    })

    check('classifies a syntax error and an unknown table', async () => {
      const pool = await open()
      expect(await failureOf(() => pool.query(read('selec 1')))).toMatchObject({ errorClass: 'syntax' })
      expect(await failureOf(() => pool.query(read('select * from no_such_table')))).toMatchObject({
        errorClass: 'syntax',
      })
      expect(await failureOf(() => pool.query(read('select no_such_column from item')))).toMatchObject({
        errorClass: 'syntax',
      })
    })

    check('classifies a refused connection as lost, and safe to retry even for a write', async () => {
      const pool = await open({}, await context.unreachable())
      const error = await failureOf(() => pool.query(insertItem(context, 'apple', 1)))
      expect(error).toBeInstanceOf(QueryError)
      expect(error).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      expect(await failureOf(() => pool.lease())).toMatchObject({ errorClass: 'connection-lost', safeToRetry: true })
      expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
    })

    check('classifies a refused write on a read-only server', async () => {
      const pool = await open()
      const lease = await pool.lease()
      await lease.query(statement(sql.makeReadOnly, [], { access: 'session' }))
      const error = await failureOf(() => lease.query(insertItem(context, 'apple', 1)))
      expect(error).toMatchObject({ name: 'QueryError', errorClass: 'read-only', safeToRetry: true })
      await lease.release('destroy')
    })

    check('refuses a wrong number of parameters', async () => {
      const pool = await open()
      const text = `select n from item where n = ${sql.placeholder(1)}`
      for (const params of [[], [1, 2]]) {
        const error = await failureOf(() => pool.query(read(text, params)))
        expect(error).toMatchObject({ code: 'SIGNALBOX_PARAMETERS' })
      }
      expect((await pool.query(read(text, [1]))).rows).toEqual([])
    })

    check('goes on working after errors', async () => {
      const pool = await open({ maxConnections: 1 })
      for (let i = 0; i < 5; i += 1) await failureOf(() => pool.query(read('selec 1')))
      expect((await pool.query(read('select 1 as value'))).rows).toEqual([{ value: 1 }])
    })

    check('shows no password in any error', async () => {
      const driver = context.createDriver()
      const { hostname, port } = new URL(context.dsn())
      const scheme = context.dsn().split(':')[0] ?? ''
      const wrong = [
        `${scheme}://someone:${secret}@${hostname}:${port}/nowhere`,
        `${scheme}://someone:${secret}@127.0.0.1:1/nowhere`,
        `${scheme}://someone:${secret}@[/nowhere`,
      ]
      for (const dsn of wrong) {
        const error = await failureOf(async () => {
          const pool = await open({}, dsn)
          expect(shown(pool)).not.toContain(secret)
          expect(shown(driver)).not.toContain(secret)
          await pool.query(read('select 1'))
        })
        expect(error).toBeInstanceOf(SignalboxError)
        for (const each of causes(error)) expect(shown(each)).not.toContain(secret)
      }
    })
  })
}

/** Everything that printing or sending a value could show. */
function shown(value: unknown): string {
  const parts = [inspect(value, { depth: 10, showHidden: true }), JSON.stringify(value)]
  if (value instanceof Error) parts.push(value.message, value.stack ?? '')
  return parts.join('\n')
}

function causes(error: unknown): unknown[] {
  const chain = [error]
  for (let at = error; at instanceof Error && at.cause !== undefined; at = at.cause) chain.push(at.cause)
  return chain
}
