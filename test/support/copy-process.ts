import { once } from 'node:events'
import { connect, type CopyOptions, type Dsn } from '../../src/index.ts'

/** What the test sends to this process. */
export interface CopyOrder {
  readonly here: string
  readonly there: string
  readonly options: CopyOptions<'here' | 'there'>
  /** Once so many rows were read the process kills itself, without ceremony. */
  readonly dieAt: number
}

const [order] = (await once(process, 'message')) as [CopyOrder]
const client = await connect({ databases: { here: order.here as Dsn, there: order.there as Dsn } })
await client.copyRows({
  ...order.options,
  onProgress: ({ read }) => {
    if (read >= order.dieAt) process.kill(process.pid, 'SIGKILL')
  },
})
process.disconnect()
