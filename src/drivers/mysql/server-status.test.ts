import { describe, expect, test } from 'vitest'

import { formatPosition } from '../../topology/position.ts'
import type { DriverRequest, DriverResult, ServerStatus } from '../driver.ts'
import { readStatus, StatusReader } from './server-status.ts'

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

describe('asking again and again', () => {
  /** A MariaDB replica that counts how often it is asked for all of it. */
  class Replica {
    now = 5_000
    losses = 0
    sequence = 1
    readOnly = 'ON'
    uptime = 60
    whole = 0
    asked = 0
    /** What happens while a question is under way. */
    meanwhile = (): void => undefined
    readonly reader = new StatusReader(
      async (request) => await Promise.resolve(this.#answer(request)),
      () => this.losses,
      () => this.now,
    )

    #answer({ sql }: DriverRequest): DriverResult {
      const row = ['10.11.19-MariaDB', this.readOnly, 'mariadb', 'ON', '', `0-1-${this.sequence}`]
      const counters = `SLAVE_HEARTBEAT_PERIOD=60.000,SLAVE_RUNNING=ON,UPTIME=${this.uptime}`
      const isWhole = sql.includes('global_status')
      this.asked += 1
      this.whole += isWhole ? 1 : 0
      this.meanwhile()
      const rows = [isWhole ? [...row, counters, 'db2 3306 2', '1000'] : row]
      return { rows, rowCount: 1, fields: [], native: undefined }
    }

    async read(): Promise<ServerStatus> {
      return await this.reader.read({})
    }
  }

  test('asks for the whole once a second, and for the position each time', async () => {
    const replica = new Replica()
    for (const [after, whole] of [
      [0, 1],
      [1, 1],
      [998, 1],
      [1, 2],
      [999, 2],
      [1, 3],
    ] as const) {
      replica.now += after
      replica.sequence += 1
      expect(await replica.read()).toMatchObject({
        position: { domains: new Map([[0, { server: 1, sequence: BigInt(replica.sequence) }]]) },
        instance: 'db2 3306 2 940',
        receiving: true,
      })
      expect(replica.whole).toBe(whole)
    }
    expect(replica.asked).toBe(6)
  })

  test('asks for the whole when a connection was lost, before the question or during it: it may be another server', async () => {
    const replica = new Replica()
    await replica.read()
    replica.losses += 1
    replica.uptime = 1
    expect((await replica.read()).instance).toBe('db2 3306 2 999')
    expect([replica.asked, replica.whole]).toEqual([2, 2])
    replica.meanwhile = () => {
      replica.losses += replica.asked === 3 ? 1 : 0
      replica.uptime = 2
    }
    expect((await replica.read()).instance).toBe('db2 3306 2 998')
    expect([replica.asked, replica.whole]).toEqual([4, 3])
  })

  test('asks for the whole when the role has changed', async () => {
    const replica = new Replica()
    expect(await replica.read()).toMatchObject({ writable: false, receiving: true })
    replica.readOnly = 'OFF'
    expect(await replica.read()).toMatchObject({ writable: true, receiving: undefined, instance: 'db2 3306 2 940' })
    expect([replica.asked, replica.whole]).toEqual([3, 2])
  })
})
