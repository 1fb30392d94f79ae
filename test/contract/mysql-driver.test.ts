import { createPool } from 'mysql2/promise'
import { describe } from 'vitest'

import { createMysqlDriver } from '../../src/drivers/mysql.ts'
import { freePort } from '../../src/testing/free-port.ts'
import { freshDatabase, testedEngines } from '../support/servers.ts'
import { describeDriver } from './driver.contract.ts'

const sessionStatus = (name: string): string =>
  `(select variable_value from information_schema.session_status where variable_name = '${name}')`

describe.runIf(testedEngines.includes('mysql'))('mysql', () => {
  describeDriver('mysql', {
    createDriver: createMysqlDriver,
    freshDatabase: () => freshDatabase('mysql'),
    openHandle: async (dsn) => {
      const handle = createPool(dsn)
      return { handle, use: () => handle.query('select count(*) from item'), close: () => handle.end() }
    },
    unreachable: async () => `mysql://someone:something@127.0.0.1:${await freePort()}/nowhere`,
    leasesOf: (maxConnections) => maxConnections,
    reportsInsertId: true,
    // They keep no binary log; server-status.test.ts has some that do.
    reportsPosition: false,
    sql: {
      placeholder: () => '?',
      createTable: 'create table item (id int auto_increment primary key, name varchar(100) not null unique, n int)',
      series: (count, bytes) => `select seq as n, repeat('x', ${bytes}) as pad from seq_1_to_${count}`,
      failsHalfWay: 'select 9223372036854775307 + cast(seq as signed) as n from seq_1_to_1000',
      changeSession: 'set @changed = 1',
      showSession: 'select @changed as value',
      makeReadOnly: 'set session transaction read only',
      roundTrips: [
        { kind: 'null', sql: 'select ? as value', given: null, expected: null },
        { kind: 'text', sql: 'select ? as value', given: 'Größe 大 🚦', expected: 'Größe 大 🚦' },
        { kind: 'numbers', sql: 'select cast(? as double) as value', given: 1.5, expected: 1.5 },
        { kind: 'booleans', sql: 'select cast(? as signed) as value', given: true, expected: 1 },
        {
          kind: 'big integers',
          sql: 'select cast(? as char) as value',
          given: 2n ** 62n,
          expected: '4611686018427387904',
        },
        {
          kind: 'dates',
          sql: 'select cast(? as datetime(3)) as value',
          given: new Date(1_700_000_000_123),
          expected: new Date(1_700_000_000_123),
        },
        {
          kind: 'bytes',
          sql: 'select cast(? as binary(3)) as value',
          given: Buffer.from([0, 1, 255]),
          expected: Buffer.from([0, 1, 255]),
        },
      ],
      raw: {
        sql: `select 1.50, 18446744073709551615, 7, cast('2024-02-29 10:11:12.123456' as datetime(6)), cast('2024-02-29' as date), 1.5e0, null, x'00ff'`,
        row: [
          '1.50',
          '18446744073709551615',
          7,
          '2024-02-29 10:11:12.123456',
          '2024-02-29',
          1.5,
          null,
          Buffer.from([0, 255]),
        ],
      },
      server: {
        sleep: (seconds, mark) => `select sleep(${seconds}) as value /* ${mark} */`,
        countRunning: (mark) =>
          `select count(*) as value from information_schema.processlist
           where info like '%/* ${mark} */%' and id <> connection_id() and command <> 'Sleep'`,
        connectionId: 'select connection_id() as value',
        kill: (id) => `kill ${id}`,
        countPrepared: `select ${sessionStatus('COM_STMT_PREPARE')} - ${sessionStatus('COM_STMT_CLOSE')} as value`,
      },
    },
    skips: [],
  })
})
