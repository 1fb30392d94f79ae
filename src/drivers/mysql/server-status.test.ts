import { describe, expect, test } from 'vitest'

import type { DriverResult, ServerStatus } from '../driver.ts'
import { readStatus } from './server-status.ts'

function statusOf(...row: readonly (string | null)[]): ServerStatus {
  const answer: DriverResult = { rows: [row], rowCount: 1, fields: [], native: undefined }
  return readStatus(answer)
}
const mariadb = '10.11.19-MariaDB-0+deb12u1-log'
const at = (server: number, sequence: bigint) => ({ kind: 'gtid', domains: new Map([[0, { server, sequence }]]) })

describe('the status of a MariaDB server', () => {
  test('of a primary has the position that its own writes move', () => {
    const status = statusOf(mariadb, 'OFF', 'ON', '0-2-5', '0-1-4', '0.000,OFF')
    expect(status).toEqual({
      writable: true,
      position: at(2, 5n),
      cluster: undefined,
      receiving: undefined,
      lagMs: undefined,
      version: '10.11.19-MariaDB',
    })
  })

  test('of a replica has the position of what it has replayed', () => {
    expect(statusOf(mariadb, 'ON', 'ON', '0-3-11', '0-2-7', '60.000,ON')).toMatchObject({
      writable: false,
      position: at(2, 7n),
      receiving: true,
    })
  })

  test('has no position where a primary keeps no log, even if it was a replica before', () => {
    expect(statusOf(mariadb, '0', '0', '0-1-4', '0-1-4', '0.000,OFF').position).toBeUndefined()
    expect(statusOf(mariadb, '1', '0', '0-1-4', '0-1-4', '0.000,OFF').position).toEqual(at(1, 4n))
  })

  test('says that a replica receives nothing only where there is a default connection', () => {
    expect(statusOf(mariadb, 'ON', 'ON', '', '', '60.000,OFF').receiving).toBe(false)
    expect(statusOf(mariadb, 'ON', 'ON', '', '', '0.000,OFF').receiving).toBeUndefined()
    expect(statusOf(mariadb, 'ON', 'ON', '', '', null).receiving).toBeUndefined()
  })

  test('of later versions counts every other kind of read_only as well', () => {
    expect(statusOf('12.3.1-MariaDB', 'NO_LOCK_NO_ADMIN', 'ON', '', '', null).writable).toBe(false)
  })
})

test('the status of a MySQL server, which takes the rest for a comment, has no position', () => {
  expect(statusOf('8.4.3', '1')).toEqual({
    writable: false,
    position: undefined,
    cluster: undefined,
    receiving: undefined,
    lagMs: undefined,
    version: '8.4.3',
  })
  expect(statusOf('8.4.3', '0')).toMatchObject({ writable: true, position: undefined })
})
