import { SignalboxError } from '../errors.ts'

/** The rows of a shard were spread by another shard map than the configuration has. */
export class ShardMapChangedError extends SignalboxError {
  constructor(message: string, where: { readonly database: string; readonly shard: string }) {
    super('SIGNALBOX_SHARD_MAP_CHANGED', message, where)
  }
}
