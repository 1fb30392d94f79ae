import { randomBytes } from 'node:crypto'

/** What a server says of itself to whoever connects. */
export interface Hello {
  readonly serverVersion: string
  readonly characterSet: number
  readonly capabilityFlags: number
  /** The id of the connection. */
  readonly connectionId: number
}

/** The session of a connection, as the server tells it with each answer. */
export interface SessionStatus {
  readonly inTransaction: boolean
  readonly autocommit: boolean
}

/** What is not spoken here: compression (32), TLS (2048), authentication by several factors (2 ** 28). */
const unspoken = 32 | 2048 | 0x1000_0000

/**
 * The first packet of a connection (protocol version 10).
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
 */
export function hello({ serverVersion, characterSet, capabilityFlags, connectionId }: Hello): Buffer {
  const flags = (capabilityFlags & ~unspoken) >>> 0
  const fixed = Buffer.alloc(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10)
  fixed.writeUInt32LE(connectionId, 0)
  salt(8).copy(fixed, 4)
  fixed.writeUInt16LE(flags & 0xffff, 13)
  fixed.writeUInt8(characterSet & 0xff, 15)
  fixed.writeUInt16LE(statusFlags({ inTransaction: false, autocommit: true }), 16)
  fixed.writeUInt16LE(flags >>> 16, 18)
  fixed.writeUInt8(21, 20)
  return packet(
    0,
    Buffer.from([10]),
    Buffer.from(`${serverVersion}\0`),
    fixed,
    salt(12),
    Buffer.from('\0mysql_native_password\0'),
  )
}

/** Carried out. */
export function ok(sequence: number, status: SessionStatus): Buffer {
  const flags = statusFlags(status)
  return packet(sequence, Buffer.from([0, 0, 0, flags & 0xff, flags >> 8, 0, 0]))
}

/** What a server refuses, or has given up. */
export interface ServerError {
  readonly errno: number
  readonly sqlState: string
  readonly message: string
}

export function refusal(sequence: number, { errno, sqlState, message }: ServerError): Buffer {
  return packet(sequence, Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#${sqlState}${message}`))
}

/** SERVER_STATUS_IN_TRANS, SERVER_STATUS_AUTOCOMMIT. */
function statusFlags({ inTransaction, autocommit }: SessionStatus): number {
  return (inTransaction ? 1 : 0) | (autocommit ? 2 : 0)
}

function packet(sequence: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.from([body.length & 0xff, (body.length >> 8) & 0xff, body.length >> 16, sequence & 0xff])
  return Buffer.concat([head, body])
}

/** Bytes without a zero, which would end them. */
function salt(length: number): Buffer {
  return randomBytes(length).map((byte) => byte || 1) as Buffer
}

/** What a server says of a statement that was killed. */
export const interrupted: ServerError = {
  errno: 1317,
  sqlState: '70100',
  message: 'Query execution was interrupted',
}

/** The same as mysql2 makes it of that. */
export function interruptedError(sql: string | undefined): Error {
  const { message, errno, sqlState } = interrupted
  return Object.assign(new Error(message), { code: 'ER_QUERY_INTERRUPTED', errno, sqlState, sqlMessage: message, sql })
}
