import { messageOf, SignalboxError } from '../index.ts'
import type { ReachFailure, ReachFailureKind } from './check-report.ts'
import { withoutPasswords } from './usage-error.ts'

/** The codes of systems and servers, and what they mean for somebody who cannot connect. */
const kinds: Readonly<Record<string, ReachFailureKind>> = {
  ECONNREFUSED: 'refused',
  // A socket file that is not there.
  ENOENT: 'refused',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'unknown-host',
  EHOSTUNREACH: 'unreachable-host',
  EHOSTDOWN: 'unreachable-host',
  ENETUNREACH: 'unreachable-host',
  ETIMEDOUT: 'timeout',
  // PostgreSQL: invalid_authorization_specification, invalid_password, invalid_catalog_name, too_many_connections.
  '28000': 'authentication',
  '28P01': 'authentication',
  '3D000': 'no-such-database',
  '53300': 'too-many-connections',
  '57P03': 'starting-up',
  ER_ACCESS_DENIED_ERROR: 'authentication',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'authentication',
  ER_DBACCESS_DENIED_ERROR: 'authentication',
  ER_HOST_NOT_PRIVILEGED: 'authentication',
  ER_BAD_DB_ERROR: 'no-such-database',
  ER_CON_COUNT_ERROR: 'too-many-connections',
  ER_TOO_MANY_USER_CONNECTIONS: 'too-many-connections',
  HANDSHAKE_NO_SSL_SUPPORT: 'tls',
  HANDSHAKE_SSL_ERROR: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls',
  CERT_HAS_EXPIRED: 'tls',
  SQLITE_CANTOPEN: 'file',
  SQLITE_NOTADB: 'file',
  SQLITE_CORRUPT: 'file',
  SQLITE_PERM: 'file',
  SIGNALBOX_TIMEOUT: 'timeout',
  SIGNALBOX_POOL_EXHAUSTED: 'timeout',
  SIGNALBOX_ABORTED: 'timeout',
  SIGNALBOX_DRIVER_MISSING: 'driver-missing',
  SIGNALBOX_SHUTTING_DOWN: 'shutting-down',
  SIGNALBOX_STARTING_UP: 'starting-up',
  SIGNALBOX_CONNECTION_LOST: 'connection-lost',
}

const mostCauses = 5

/** What an error says about a database that could not be reached. */
export function reachFailure(error: unknown): ReachFailure {
  const codes = [...codesOf(error)]
  const message = withoutPasswords(messageOf(error))
  // The deepest cause is the most particular: "connection lost" because of "refused".
  const known = codes.toReversed().find((code) => Object.hasOwn(kinds, code))
  const kind = known === undefined ? 'other' : (kinds[known] ?? 'other')
  return {
    kind: kind === 'connection-lost' && /time(?:d )?.?out/i.test(message) ? 'timeout' : kind,
    code: error instanceof SignalboxError ? error.code : null,
    engineCode: codes.findLast((code) => !code.startsWith('SIGNALBOX_') && !code.startsWith('ERR_SQLITE')) ?? null,
    message,
  }
}

function* codesOf(error: unknown): Generator<string> {
  let current = error
  for (let depth = 0; depth < mostCauses && typeof current === 'object' && current !== null; depth += 1) {
    for (const key of ['code', 'engineCode']) {
      const code: unknown = Reflect.get(current, key)
      if (typeof code === 'string') yield code
    }
    current = Reflect.get(current, 'cause') as unknown
  }
}
