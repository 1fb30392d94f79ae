import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, onQuery } from 'signalbox'
import { useClient } from 'signalbox/mysql2'
import { startMariadbCluster } from 'signalbox/testing'
import mysqlSession from 'express-mysql-session'
import session from 'express-session'
import knex from 'knex'
import { createPool } from 'mysql2'
import * as promise from 'mysql2/promise'

// The libraries say require('mysql2') or require('mysql2/promise'), and get Signalbox; nothing in them knows. What they ask runs on the declared client.
const require = createRequire(import.meta.url)
assert.equal(require('mysql2'), require('signalbox/mysql2'))
assert.equal(require('mysql2/promise'), require('signalbox/mysql2/promise'))
assert.equal(createPool, require('mysql2').createPool)
assert.equal(promise.createPool, require('mysql2/promise').createPool)
assert.equal(require('mysql2/package.json').version, '3.24.5')

// So they do whatever is loaded first, and how: Signalbox asks for mysql2, too.
for (const first of ['mysql2', 'mysql2/promise', 'signalbox/mysql2', 'signalbox/mysql2/promise', 'signalbox/mariadb'])
  for (const load of [
    "await import('…')",
    "process.getBuiltinModule('module').createRequire(process.cwd() + '/')('…')",
  ]) {
    const check =
      "if ((await import('mysql2')).createPool !== (await import('signalbox/mysql2')).createPool) throw new Error()"
    execFileSync(process.execPath, ['--input-type=module', '-e', `${load.replace('…', first)}; ${check}`])
  }

const cluster = await startMariadbCluster({ replicas: 1 })
const { primary, replicas } = await cluster.createDatabase('shop')
const client = await connect({ databases: { default: { primary, replicas: [...replicas] } } })
// Settings that lead nowhere: what works with them has gone through Signalbox.
useClient(client, { elsewhere: 'ignore' })
const nowhere = { host: '127.0.0.1', port: 1, user: 'nobody', database: 'nowhere' }

/** Statements by library and by the role of the server that they were for. */
const counts = {}
let library = ''
onQuery(({ route }) => {
  counts[library] ??= { primary: 0, replica: 0 }
  counts[library][route.role] += 1
})

library = 'knex'
const db = knex({ client: 'mysql2', connection: nowhere, pool: { min: 0, max: 4 } })
const migrationSource = {
  getMigrations: async () => ['receipt'],
  getMigrationName: (migration) => migration,
  getMigration: async () => ({
    up: async (schema) => {
      await schema.schema.createTable('receipt', (table) => {
        table.increments('id')
        table.string('text').notNullable()
      })
    },
    down: async (schema) => await schema.schema.dropTable('receipt'),
  }),
}
const [, migrated] = await db.migrate.latest({ migrationSource })
console.log('migrated', migrated.join())
assert.deepEqual(migrated, ['receipt'])
const id = await db.transaction(async (trx) => {
  const [added] = await trx('receipt').insert({ text: 'of the first sale' })
  return added
})
await cluster.caughtUp()
assert.deepEqual({ ...(await db('receipt').where({ id }).first()) }, { id: 1, text: 'of the first sale' })
await db.destroy()

library = 'express-mysql-session'
const store = new (mysqlSession(session))({ ...nowhere, clearExpired: false })
await store.onReady()
const withSession = session({ store, secret: 'a secret of this example', resave: false, saveUninitialized: false })
const server = createServer((request, response) => {
  withSession(request, response, () => {
    request.session.visits = (request.session.visits ?? 0) + 1
    response.end(String(request.session.visits))
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}/`
const first = await fetch(url)
const cookie = first.headers.getSetCookie()[0].split(';')[0]
const visits = [await first.text()]
for (let n = 0; n < 12; n++) {
  visits.push(await (await fetch(url, { headers: { cookie } })).text())
  await delay(20)
}
console.log('visits', visits.join(' '))
assert.deepEqual(
  visits,
  Array.from({ length: 13 }, (_, n) => String(n + 1)),
)
server.close()
server.closeAllConnections()
await store.close()

const { rows } = await client.query(
  'select (select count(*) from receipt) as receipts, count(*) as sessions from sessions',
)
assert.deepEqual({ ...rows[0] }, { receipts: 1, sessions: 1 })
for (const name of ['knex', 'express-mysql-session']) {
  console.log(`${name}: ${counts[name].primary} statements for the primary, ${counts[name].replica} for the replica`)
  assert.ok(counts[name].primary > 0 && counts[name].replica > 0)
}
useClient(undefined)
await client.close()
await cluster.stop()
