// A guest book that is read from a replica. The replica lags behind, and nobody ever misses what they wrote themselves.
import { connect } from 'signalbox'
import { openDatabases } from './databases.ts'

interface Message {
  readonly author: string
  readonly text: string
}

const schema = [
  'create table if not exists message (id integer primary key, author varchar(100), text varchar(200))',
  'delete from message',
]

const databases = await openDatabases()
const client = await connect({
  databases: { default: { primary: databases.primary, replicas: [databases.replica] } },
  // Tokens carry what a request wrote to the next one, which another process may serve. Take a secret of your own.
  tokens: { keys: ['a secret of at least 16 bytes'] },
})

async function write(id: number, author: string, text: string): Promise<void> {
  await client.query(databases.text('insert into message (id, author, text) values (?, ?, ?)'), [id, author, text])
}

/** The page: no word about primaries and replicas, the same function for everybody. */
async function showPage(visitor: string): Promise<void> {
  const { rows, route } = await client.query<Message>('select author, text from message order by id')
  console.log(`${visitor}: ${rows.length} messages, from the ${route.role}, the newest by ${rows.at(-1)?.author}`)
  console.log(`    because: ${route.reasons.at(-1)?.text}`)
}

try {
  await client.session(async () => {
    for (const statement of schema) await client.query(statement)
    await write(1, 'Grace', 'A fine place.')
    await write(2, 'Edsger', 'Could be shorter.')
  })
  await databases.copied(client)

  // Each request is a session.
  await client.session(async () => await showPage('Somebody who looks around'))
  const cookie = await client.session(async (session) => {
    await write(3, 'Ada', 'I was here.')
    await showPage('Ada, who has just written')
    return await session.token()
  })
  await client.session(async () => await showPage('Somebody else at the same time'))
  await client.session(async () => await showPage('Ada again, with her token'), { token: cookie })

  await databases.copied(client)
  console.log('— the replica has the new message —')
  await client.session(async () => await showPage('Somebody who looks around'))
  // SQLite cannot say how far a copy is, so there a token means the primary until the application drops it.
  const token = databases.hasPositions ? cookie : undefined
  await client.session(async () => await showPage('Ada again'), { token })
} finally {
  await client.close()
  await databases.close()
}
