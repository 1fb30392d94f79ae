import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'

import { createSqliteDriver } from '../../src/drivers/sqlite.ts'
import { isOlderNode } from '../../src/drivers/sqlite/older-node.ts'
import { describeDriver } from './driver.contract.ts'

const noServer = 'SQLite runs inside the process: there is no server and no connection that could break.'
const noInterruption = 'node:sqlite cannot interrupt a running statement, and nothing else runs meanwhile.'
const olderNode = `node:sqlite of ${process.version} neither describes columns nor returns rows as arrays.`

describeDriver('sqlite', {
  createDriver: createSqliteDriver,
  freshDatabase: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-contract-'))
    return { dsn: `sqlite:${join(folder, 'test.db')}`, drop: () => rm(folder, { recursive: true, force: true }) }
  },
  openHandle: async (dsn) => {
    const handle = new DatabaseSync(dsn.slice('sqlite:'.length))
    return {
      handle,
      use: async () => handle.prepare('select count(*) from item').all(),
      close: async () => handle.close(),
    }
  },
  unreachable: async () => 'sqlite:/no/such/folder/file.db',
  leasesOf: () => 1,
  reportsInsertId: true,
  reportsPosition: false,
  sql: {
    placeholder: () => '?',
    createTable: 'create table item (id integer primary key, name text not null unique, n integer)',
    series: (count, bytes) =>
      `with recursive series(n) as (select 1 union all select n + 1 from series where n < ${count})
       select n, printf('%.*c', ${bytes}, 'x') as pad from series`,
    failsHalfWay: `with recursive series(n) as (select 1 union all select n + 1 from series where n < 1000)
       select abs(case n when 501 then -9223372036854775808 else n end) as n from series`,
    changeSession: 'create temp table changed (x)',
    showSession: 'select count(*) as value from sqlite_temp_schema',
    makeReadOnly: 'pragma query_only = 1',
    roundTrips: [
      { kind: 'null', sql: 'select ? as value', given: null, expected: null },
      { kind: 'text', sql: 'select ? as value', given: 'Größe 大 🚦', expected: 'Größe 大 🚦' },
      { kind: 'numbers', sql: 'select ? as value', given: 1.5, expected: 1.5 },
      { kind: 'booleans', sql: 'select ? as value', given: true, expected: 1 },
      {
        kind: 'big integers',
        sql: 'select cast(? as text) as value',
        given: 2n ** 62n,
        expected: '4611686018427387904',
      },
      { kind: 'dates', sql: 'select ? as value', given: new Date(1_700_000_000_123), expected: 1_700_000_000_123 },
      {
        kind: 'bytes',
        sql: 'select ? as value',
        given: Buffer.from([0, 1, 255]),
        expected: new Uint8Array([0, 1, 255]),
      },
    ],
    raw: { sql: `select 7, 1.0, 'x', null, x'00ff'`, row: [7n, 1, 'x', null, new Uint8Array([0, 255])] },
  },
  skips: [
    { name: 'shows no password in any error', reason: 'A SQLite data source name has none.' },
    {
      name: 'keeps a bounded number of statements prepared',
      reason: 'Counted beside the connection, in its unit test.',
    },
    {
      name: 'reads a bounded part of a large result ahead of its consumer',
      reason: 'SQLite computes a row when it is asked for; there is nothing in between.',
    },
    ...[
      'cancels a statement on the server when its time is over',
      'cancels a statement on the server when its signal fires',
      'says of an interrupted write that it may have happened',
      'keeps a lease usable after a statement of it was cancelled',
      'never lets a cancellation hit the next statement of the connection',
      'ends a stream whose first row is late',
    ].map((name) => ({ name, reason: noInterruption })),
    ...(isOlderNode({ StatementSync })
      ? [
          'returns rows as objects, their number and their fields in column order',
          'returns rows as arrays when asked, and the same text as objects again',
          'returns raw values that have lost nothing, and the same text as others again',
          'describes the fields of a result without rows',
          'streams no rows, and rows as arrays, and with parameters',
        ].map((name) => ({ name, reason: olderNode }))
      : []),
    ...[
      'reports a connection that the server ended, and recovers',
      'replaces idle connections that the network broke',
      'fails only the statements on the connection that broke',
      'says of a lost read that it may be repeated',
      'does not know whether a commit took effect whose answer was lost',
      'throws into the loop when the connection of a stream breaks',
      'gives up on a server that accepts connections and says nothing',
      'breaks what is in use, and refuses who waits or comes later, once the server is severed',
      'says of a write on a severed connection that it may have taken effect',
      'asks for the status no longer than the time limit',
      'counts a connection that was ended by the server, and none that was closed in order',
      'counts idle connections that the network broke',
      'counts a connection that was given up because no answer came',
      'does not wait for a hung server longer than the time limit, nor lose the connection for good',
    ].map((name) => ({ name, reason: noServer })),
  ],
})
