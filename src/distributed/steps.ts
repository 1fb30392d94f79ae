import { channel } from 'node:diagnostics_channel'

/** How far a distributed transaction has come, in two phases. */
export type DistributedStep =
  /** One branch is prepared. */
  | 'prepared'
  /** All are, and nothing is decided. */
  | 'all-prepared'
  /** The decision to commit stands in the log. */
  | 'decided'
  /** One branch is committed. */
  | 'committed'
  /** All are, and the log still says so. */
  | 'all-committed'
  /** The entry of the log is gone. */
  | 'forgotten'

/** What subscribers of the channel `signalbox:distributed-transaction` get. */
export interface DistributedEvent {
  /** The id of the transaction in the log. */
  readonly id: string
  readonly step: DistributedStep
  /** Of `prepared` and `committed`. */
  readonly database?: string
  readonly shard?: string
}

const steps = channel('signalbox:distributed-transaction')

export function tellStep(event: DistributedEvent): void {
  if (steps.hasSubscribers) steps.publish(event)
}
