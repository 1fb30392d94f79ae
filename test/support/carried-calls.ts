import { vi } from 'vitest'
import { CarriedCall } from '../../src/drivers/mysql/carried-call.ts'
import { Lane } from '../../src/drivers/mysql/lane.ts'

/** Tells of each statement of MySQL that runs as the command that it is, until `vi.restoreAllMocks()`: on a connection of its own, or on one that it shares. */
export function onCarriedCall(told: (isShared: boolean) => void): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const { run } = CarriedCall.prototype
  vi.spyOn(CarriedCall.prototype, 'run').mockImplementation(function (this: CarriedCall, connection) {
    told(false)
    run.call(this, connection)
  })
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
  const { send } = Lane.prototype
  vi.spyOn(Lane.prototype, 'send').mockImplementation(function (this: Lane, read) {
    told(true)
    send.call(this, read)
  })
}
