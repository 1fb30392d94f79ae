import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, onQuery } from 'signalbox'
import { useClient } from 'signalbox/pg'
import { startPostgresCluster } from 'signalbox/testing'
import pgSimple from 'connect-pg-simple'
import session from 'express-session'
import { runner } from 'node-pg-migrate'
import { PgBoss } from 'pg-boss'

// The three libraries say require('pg'), and get Signalbox; nothing in them knows. What they ask runs on the declared client.
const require = createRequire(import.meta.url)
assert.equal(require('pg'), require('signalbox/pg'))
assert.equal(require('pg/package.json').version, '8.23.1')

const cluster = await startPostgresCluster({ replicas: 1 })
const { primary, replicas } = await cluster.createDatabase('shop')
const client = await connect({ databases: { default: { primary, replicas: [...replicas] } } })
// Settings that lead nowhere: what works with them has gone through Signalbox.
useClient(client, { elsewhere: 'ignore' })
const nowhere = 'postgres://nobody@127.0.0.1:1/nowhere'

/** Statements by library and by the role of the server that they were for. */
const counts = {}
let library = ''
onQuery(({ route }) => {
  counts[library] ??= { primary: 0, replica: 0 }
  counts[library][route.role] += 1
})

library = 'node-pg-migrate'
const migrated = await runner({
  databaseUrl: nowhere,
  dir: join(import.meta.dirname, 'migrations'),
  migrationsTable: 'migration',
  direction: 'up',
  log: () => undefined,
})
assert.equal(migrated.length, 1)
console.log('migrated', migrated.map(({ name }) => name).join())

library = 'connect-pg-simple'
const store = new (pgSimple(session))({ conString: nowhere, createTableIfMissing: true, pruneSessionInterval: false })
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

library = 'pg-boss'
const boss = new PgBoss({ connectionString: nowhere })
boss.on('error', (error) => {
  throw error
})
await boss.start()
await boss.createQueue('receipts')
const written = []
const all = Promise.withResolvers()
await boss.work('receipts', { pollingIntervalSeconds: 0.5, batchSize: 5 }, async (jobs) => {
  for (const { data } of jobs) written.push(data.id)
  if (written.length === 10) all.resolve()
})
for (let id = 1; id <= 10; id++) await boss.send('receipts', { id })
await all.promise
await boss.stop({ graceful: true })
console.log('jobs', written.toSorted((a, b) => a - b).join(' '))
assert.equal(new Set(written).size, 10)

const { rows } = await client.query("select to_regclass('receipt') as receipt, count(*)::int as sessions from session")
assert.deepEqual(rows, [{ receipt: 'receipt', sessions: 1 }])
for (const name of ['connect-pg-simple', 'pg-boss']) {
  const { primary, replica } = counts[name]
  console.log(`${name}: ${primary} statements for the primary, ${replica} for the replica`)
}
assert.ok(counts['connect-pg-simple'].primary > 0 && counts['connect-pg-simple'].replica > 0)
assert.ok(counts['pg-boss'].primary > 0)
useClient(undefined)
await client.close()
await cluster.stop()
