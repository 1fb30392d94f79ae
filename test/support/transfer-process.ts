import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type DistributedEvent, type DistributedStep } from '../../src/index.ts'
import { accountsConfig, type AccountDsns } from './distributed-accounts.ts'

/** What the test sends to this process. */
export interface TransferOrder {
  readonly dsns: AccountDsns
  /** Written on the shard of each key. */
  readonly keys: readonly number[]
  readonly amount: number
  /** At this step of its transaction the process kills itself, without ceremony. */
  readonly dieAt: DistributedStep
}

const [order] = (await once(process, 'message')) as [TransferOrder]
subscribe('signalbox:distributed-transaction', (event) => {
  if ((event as DistributedEvent).step === order.dieAt) process.kill(process.pid, 'SIGKILL')
})
const client = await connect(accountsConfig(order.dsns))
await client.distributedTransaction(
  async (tx) => {
    for (const key of order.keys)
      await tx.query(`update account set amount = ${order.amount} where customer_id = ${key}`)
  },
  { log: 'control' },
)
process.send?.('committed')
process.disconnect()
