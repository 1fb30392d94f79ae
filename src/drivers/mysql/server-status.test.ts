import { describe, expect, test } from 'vitest'

import { formatPosition } from '../../topology/position.ts'
import type { DriverResult, ServerStatus } from '../driver.ts'
import { readStatus } from './server-status.ts'

function statusOf(...row: readonly unknown[]): ServerStatus {
  const answer: DriverResult = { rows: [row], rowCount: 1, fields: [], native: undefined }
  return readStatus(answer)
}
const at = (server: number, sequence: bigint) => ({ kind: 'gtid', domains: new Map([[0, { server, sequence }]]) })

interface Mariadb {
  readonly readOnly?: string
  readonly log?: string
  readonly current?: string
  readonly replayed?: string
  readonly counters?: string | null
  readonly address?: string
  readonly now?: string
  readonly version?: string
}

function mariadb(of: Mariadb): ServerStatus {
  const { version = '10.11.19-MariaDB-0+deb12u1-log', readOnly = 'OFF', log = 'ON', current = '', replayed = '' } = of
  const { counters = null, address = 'db1 3306 1', now = '1000' } = of
  return statusOf(version, readOnly, 'mariadb', log, current, replayed, counters, address, now)
}

describe('the status of a MariaDB server', () => {
  test('of a primary has the position that its own writes move', () => {
    const counters = 'SLAVE_HEARTBEAT_PERIOD=0.000,UPTIME=60,SLAVE_RUNNING=OFF'
    expect(mariadb({ current: '0-2-5', replayed: '0-1-4', counters })).toEqual({
      writable: true,
      position: at(2, 5n),
      instance: 'db1 3306 1 940',
      cluster: undefined,
      receiving: undefined,
      lagMs: undefined,
      version: '10.11.19-MariaDB',
    })
  })

  test('of a replica has the position of what it has replayed', () => {
    const counters = 'SLAVE_HEARTBEAT_PERIOD=60.000,SLAVE_RUNNING=ON,UPTIME=1'
    expect(mariadb({ readOnly: 'ON', current: '0-3-11', replayed: '0-2-7', counters })).toMatchObject({
      writable: false,
      position: at(2, 7n),
      receiving: true,
    })
  })

  test('has no position where a primary keeps no log, even if it was a replica before', () => {
    const before = { log: '0', current: '0-1-4', replayed: '0-1-4' }
    expect(mariadb({ readOnly: '0', ...before }).position).toBeUndefined()
    expect(mariadb({ readOnly: '1', ...before }).position).toEqual(at(1, 4n))
  })

  test('says that a replica receives nothing only where there is a default connection', () => {
    const receiving = (counters: string | null) => mariadb({ readOnly: 'ON', counters }).receiving
    expect(receiving('SLAVE_HEARTBEAT_PERIOD=60.000,SLAVE_RUNNING=OFF')).toBe(false)
    expect(receiving('SLAVE_HEARTBEAT_PERIOD=0.000,SLAVE_RUNNING=OFF')).toBeUndefined()
    expect(receiving(null)).toBeUndefined()
  })

  test('of later versions counts every other kind of read_only as well', () => {
    expect(mariadb({ version: '12.3.1-MariaDB', readOnly: 'NO_LOCK_NO_ADMIN' }).writable).toBe(false)
  })

  test('names the running server: the same at every time, another one after a restart and on another port', () => {
    const instance = (now: string, uptime: string, address?: string) =>
      mariadb({ now, counters: `UPTIME=${uptime}`, ...(address === undefined ? {} : { address }) }).instance
    expect(instance('1000', '60')).toBe(instance('1500', '560'))
    expect(instance('1000', '60')).not.toBe(instance('1001', '60'))
    expect(instance('1000', '60')).not.toBe(instance('1000', '60', 'db1 3307 1'))
    expect(mariadb({ counters: null }).instance).toBeUndefined()
  })
})

describe('the status of a MySQL server', () => {
  const uuid = '3E11FA47-71CA-11E1-9E33-C80AA9429562'
  const other = '4e11fa47-71ca-11e1-9e33-c80aa9429562'
  const mysql = (readOnly: string, mode: string, executed: unknown, owned = ''): ServerStatus =>
    statusOf('8.4.3', readOnly, 'mysql', mode, owned, executed, `${uuid} db1 3306`)

  test('has the set of its transactions for a position', () => {
    const { position, ...rest } = mysql('0', 'ON', `${uuid}:1-77,\n${other}:1-3:8:tag:1`)
    expect(position && formatPosition(position)).toBe(
      `gtid-set:${uuid.toLowerCase()}:1-77,${other}:1-3:8,${other}:tag:1`,
    )
    expect(rest).toEqual({
      writable: true,
      instance: `${uuid} db1 3306`,
      cluster: undefined,
      receiving: undefined,
      lagMs: undefined,
      version: '8.4.3',
    })
  })

  test('has one where nothing was written yet, and where texts come as bytes', () => {
    expect(mysql('1', 'ON', '')).toMatchObject({ writable: false, position: { kind: 'gtid-set' } })
    expect(mysql('1', 'ON', Buffer.from(`${uuid}:1`)).position).toEqual(mysql('1', 'ON', `${uuid}:1`).position)
  })

  test.each(['OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE'])(
    'has none where transactions may go without GTIDs (%s)',
    (mode) => {
      expect(mysql('0', mode, `${uuid}:1-77`).position).toBeUndefined()
    },
  )

  test('has none where its set is too large to be compared all the time', () => {
    const gaps = (count: number) => `${uuid}:${Array.from({ length: count }, (_, index) => 2 * index + 1).join(':')}`
    expect(mysql('1', 'ON', gaps(256)).position).toBeDefined()
    expect(mysql('1', 'ON', gaps(257)).position).toBeUndefined()
  })

  test('counts what is being committed on a primary, where it may be seen already, and not on a replica', () => {
    const of = (readOnly: string, owned: string): string | undefined => {
      const { position } = mysql(readOnly, 'ON', `${other}:1-3`, owned)
      return position && formatPosition(position)
    }
    expect(of('0', `${other}:4#17:6#18`)).toBe(`gtid-set:${other}:1-4:6`)
    expect(of('1', `${other}:4#17:6#18`)).toBe(`gtid-set:${other}:1-3`)
    expect(of('0', 'something else')).toBeUndefined()
  })

  test('before 5.7, which takes both comments for such, says only whether it takes writes', () => {
    expect(statusOf('5.6.51', '1')).toMatchObject({ writable: false, position: undefined, instance: undefined })
    expect(statusOf('5.6.51', '0')).toMatchObject({ writable: true, position: undefined })
  })
})
