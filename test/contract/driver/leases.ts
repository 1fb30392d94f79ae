import { describe, expect } from 'vitest'

import type { Isolation } from '../../../src/drivers/driver.ts'
import { ReadOnlyTransactionError, TransactionClosedError } from '../../../src/errors.ts'
import { countItems, failureOf, insertItem, read, statement, valueOf, type ContractContext } from './context.ts'

const levels: readonly Isolation[] = ['read uncommitted', 'read committed', 'repeatable read', 'serializable']

export function describeLeases(context: ContractContext): void {
  describe('leases', () => {
    describeTransactions(context)
    describeGivingBack(context)
  })
}

function describeTransactions(context: ContractContext): void {
  const { check, open } = context
  check('shows a transaction to others when it is committed', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'apple', 1))
    expect(await countItems(pool)).toBe(0)
    expect(valueOf(await lease.query(read('select count(*) as value from item')))).toBe('1')
    await lease.commit()
    expect(await countItems(pool)).toBe(1)
    await lease.release('clean')
  })

  check('undoes a transaction that is rolled back', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'apple', 1))
    await lease.rollback()
    await lease.query(insertItem(context, 'pear', 2))
    await lease.release('clean')
    expect((await pool.query(read('select name from item'))).rows).toEqual([{ name: 'pear' }])
  })

  check('goes back to a savepoint, whatever its name', async () => {
    const pool = await open()
    const lease = await pool.lease()
    const name = 'odd "name" `of` a \'point\''
    await lease.begin({})
    await lease.query(insertItem(context, 'kept', 1))
    await lease.savepoint(name)
    await lease.query(insertItem(context, 'undone', 2))
    await lease.rollbackTo(name)
    await lease.savepoint('second')
    await lease.query(insertItem(context, 'released', 3))
    await lease.releaseSavepoint('second')
    await lease.commit()
    await lease.release('clean')
    const left = await pool.query(read('select name from item order by n'))
    expect(left.rows).toEqual([{ name: 'kept' }, { name: 'released' }])
  })

  check('goes on in a transaction after an error that a savepoint undoes', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({})
    await lease.query(insertItem(context, 'apple', 1))
    await lease.savepoint('before')
    expect(await failureOf(() => lease.query(insertItem(context, 'apple', 2)))).toMatchObject({
      errorClass: 'constraint',
    })
    await lease.rollbackTo('before')
    await lease.query(insertItem(context, 'pear', 2))
    await lease.commit()
    await lease.release('clean')
    expect(await countItems(pool)).toBe(2)
  })

  check('refuses writes in a read-only transaction, and takes them again afterwards', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.begin({ readOnly: true })
    expect((await lease.query(read('select * from item'))).rows).toEqual([])
    const error = await failureOf(() => lease.query(insertItem(context, 'apple', 1)))
    expect(error).toBeInstanceOf(ReadOnlyTransactionError)
    await lease.rollback()
    await lease.query(insertItem(context, 'pear', 1))
    await lease.release('clean')
    expect(await countItems(pool)).toBe(1)
  })

  check('reads one picture in a read-only transaction on a lease for reading', async () => {
    const pool = await open()
    const lease = await pool.lease({ access: 'read' })
    await lease.begin({ readOnly: true, isolation: 'repeatable read' })
    const count = async (): Promise<string> => valueOf(await lease.query(read('select count(*) as value from item')))
    expect(await count()).toBe('0')
    await pool.query(insertItem(context, 'apple', 1))
    expect(await count()).toBe('0')
    await lease.commit()
    expect(await count()).toBe('1')
    await lease.release('clean')
  })

  check('accepts every isolation level', async () => {
    const pool = await open()
    for (const isolation of levels) {
      const lease = await pool.lease()
      await lease.begin({ isolation })
      await lease.query(insertItem(context, isolation, 1))
      await lease.commit()
      await lease.release('clean')
    }
    expect(await countItems(pool)).toBe(levels.length)
  })

  check('runs the statements of a lease in the order of the calls', async () => {
    const pool = await open()
    const lease = await pool.lease()
    const calls = [
      lease.begin({}),
      ...Array.from({ length: 20 }, (_, n) => lease.query(insertItem(context, `name ${n}`, n))),
      lease.commit(),
    ]
    await Promise.all(calls)
    await lease.release('clean')
    const ids = await pool.query(read('select n from item order by id'))
    expect(ids.rows).toEqual(Array.from({ length: 20 }, (_, n) => ({ n })))
  })
}

function describeGivingBack(context: ContractContext): void {
  const { check, open, sql } = context
  check('throws when a lease is released twice or used after it', async () => {
    const pool = await open()
    const lease = await pool.lease()
    await lease.release('clean')
    expect(await failureOf(() => lease.release('clean'))).toBeInstanceOf(TransactionClosedError)
    expect(await failureOf(() => lease.query(read('select 1 as value')))).toBeInstanceOf(TransactionClosedError)
    expect(await failureOf(() => lease.begin({}))).toBeInstanceOf(TransactionClosedError)
    expect(await failureOf(() => lease.stream(read('select 1 as value')).next())).toBeInstanceOf(TransactionClosedError)
  })

  for (const mode of ['clean', 'reset', 'destroy'] as const) {
    check(`leaves no transaction behind that was open at release('${mode}')`, async () => {
      const pool = await open({ maxConnections: 1 })
      const lease = await pool.lease()
      await lease.begin({})
      await lease.query(insertItem(context, 'lost', 1))
      await lease.release(mode)
      await pool.query(insertItem(context, 'kept', 2))
      const other = await open()
      const left = await other.query(read('select name from item'))
      expect(left.rows).toEqual([{ name: 'kept' }])
    })
  }

  check('shows nobody the session state of a lease that was reset', async () => {
    const pool = await open({ maxConnections: 1 })
    const fresh = valueOf(await pool.query(read(sql.showSession)))
    const lease = await pool.lease()
    await lease.query(statement(sql.changeSession, [], { access: 'session' }))
    expect(valueOf(await lease.query(read(sql.showSession)))).not.toBe(fresh)
    await lease.release('reset')
    const next = await pool.lease()
    expect(valueOf(await next.query(read(sql.showSession)))).toBe(fresh)
    await next.release('clean')
  })

  check('resets a lease that changed its session although it is released as clean', async () => {
    const pool = await open({ maxConnections: 1 })
    const lease = await pool.lease()
    const fresh = valueOf(await lease.query(read(sql.showSession)))
    await lease.query(statement(sql.changeSession, [], { access: 'session' }))
    await lease.release('clean')
    const next = await pool.lease()
    expect(valueOf(await next.query(read(sql.showSession)))).toBe(fresh)
    await next.release('clean')
  })

  check('shows nobody the session state of an autocommit statement', async () => {
    const pool = await open({ maxConnections: 1 })
    const fresh = valueOf(await pool.query(read(sql.showSession)))
    await pool.query(statement(sql.changeSession, [], { access: 'session' }))
    for (let i = 0; i < 4; i += 1) expect(valueOf(await pool.query(read(sql.showSession)))).toBe(fresh)
  })

  check('keeps text intact on a connection that was reset', async () => {
    const pool = await open({ maxConnections: 1 })
    const lease = await pool.lease()
    await lease.release('reset')
    await pool.query(insertItem(context, 'Größe 大 🚦', 1))
    const result = await pool.query(read(`select n from item where name = ${sql.placeholder(1)}`, ['Größe 大 🚦']))
    expect(result.rows).toEqual([{ n: 1 }])
    const other = await open()
    expect((await other.query(read('select name from item'))).rows).toEqual([{ name: 'Größe 大 🚦' }])
  })
}
