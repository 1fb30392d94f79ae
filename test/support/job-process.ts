import { once } from 'node:events'
import { connect, type Config } from '../../src/index.ts'

/** What the test sends to this process: how to connect, then one payload after the other, as they come from a queue. */
type Order = { readonly config: Config } | { readonly payload: string }

/** What it answers: what the job read, and where. */
export interface JobAnswer {
  readonly ids: readonly number[]
  readonly role: string
}

const tell = (message: unknown): void => void process.send?.(message)
const [{ config }] = (await once(process, 'message')) as [Extract<Order, { config: unknown }>]
await using client = await connect(config)
// The first use of a database takes longer than the others.
await client.query('select id from purchase where id = 0')
tell('ready')
for (;;) {
  const [order] = (await once(process, 'message')) as [Order | 'end']
  if (order === 'end' || 'config' in order) break
  const answer = await client.job(JSON.parse(order.payload) as { id: number }, async ({ id }): Promise<JobAnswer> => {
    const { rows, route } = await client.query<{ id: number }>(`select id from purchase where id = ${id}`)
    return { ids: rows.map((row) => row.id), role: route.role }
  })
  tell(answer)
}
process.disconnect()
