import { ConfigError } from './errors.ts'
import { show } from './option.ts'

/** Where a payload carries the token. */
const tokenName = 'signalbox'

/** The payload with a token, instead of one that it may have had; without one where there is nothing to remember. */
export function withToken<P extends object>(payload: P, token: string | undefined): P & { signalbox?: string } {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    throw new ConfigError('payload', `${show(payload)} is not accepted.`, 'a plain object, as JSON knows it')
  }
  const rest = withoutToken(payload)
  return (token === undefined ? rest : { ...rest, [tokenName]: token }) as P & { signalbox?: string }
}

/** What a payload carries for a token, whatever that is. */
export function tokenOf(payload: unknown): unknown {
  return isCarrier(payload) ? payload[tokenName] : undefined
}

/** The payload as it was before it got a token; what is no object is given as it is. */
export function withoutToken<P>(payload: P): Omit<P, 'signalbox'> {
  if (!isCarrier(payload)) return payload
  const { [tokenName]: _, ...rest } = payload
  return rest
}

function isCarrier(payload: unknown): payload is { readonly [tokenName]: unknown } {
  return typeof payload === 'object' && payload !== null && tokenName in payload
}
