import { SignalboxError } from '../../errors.ts'

/** A comment of a statement that begins with `signalbox:` says what nothing can be made of, or stands where it does not count. Nothing was sent. */
export class HintError extends SignalboxError {
  constructor(message: string) {
    super('SIGNALBOX_HINT', `${message} Nothing was sent.`)
  }
}
