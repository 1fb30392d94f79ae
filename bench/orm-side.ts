import assert from 'node:assert/strict'
import * as mariadb from 'mariadb'
import mysql2 from 'mysql2'
import pg from 'pg'
import { connect } from 'signalbox'
import { mariadbFor, type Mariadb } from 'signalbox/mariadb'
import { mysql2For } from 'signalbox/mysql2'
import { pgFor } from 'signalbox/pg'
import type { OrmUnderTest } from '../test/orms/orm.ts'
import { timeRound } from './measure.ts'
import { rows, toolsOn, type RoundAsked, type SideAsked } from './orm-process.ts'

/** All that the tools use of `mariadb`, which knows DSNs by its own name alone. */
const bareMariadb = {
  createPool: (dsn: string) => mariadb.createPool(dsn.replace(/^mysql:/, 'mariadb:')),
} as unknown as Mariadb

const spread = (index: number): number => ((index * 7_919) % rows) + 1

const work: Readonly<Record<RoundAsked['kind'], (shop: OrmUnderTest, index: number) => Promise<unknown>>> = {
  'read by key': async (shop, index) => assert.ok(await shop.find(spread(index))),
  'write by key': async (shop, index) => await shop.setStock(spread(index), index),
}

async function open({ engine, tool, side, url }: SideAsked): Promise<OrmUnderTest> {
  const client = side === 'bare' ? undefined : await connect(url)
  if (engine === 'postgres') {
    const found = toolsOn.postgres.find(({ name }) => name === tool)
    return await found!.open({ pg: client === undefined ? pg : pgFor(client), url })
  }
  const found = toolsOn.mariadb.find(({ name }) => name === tool)
  const drivers =
    client === undefined ? { mysql2, mariadb: bareMariadb } : { mysql2: mysql2For(client), mariadb: mariadbFor(client) }
  return await found!.open({ ...drivers, url })
}

const shop = await open(JSON.parse(process.argv[2]!) as SideAsked)
process.on('message', ({ kind, operations, concurrency }: RoundAsked) => {
  const run = async (index: number): Promise<unknown> => await work[kind](shop, index)
  void timeRound({ run }, operations, concurrency).then((micros) => process.send!(micros))
})
process.send!('open')
