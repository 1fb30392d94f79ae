/** COM_STMT_EXECUTE, and what follows it: no cursor, once (https://mariadb.com/kb/en/com_stmt_execute/). */
const command = 0x17
const header = 4
const headerAndCommand = header + 1 + 4 + 1 + 4

/** Types of values (https://mariadb.com/kb/en/result-set-packets/#field-types). */
const typeLong = 0x03
const typeNull = 0x06
const typeLongLong = 0x08
const typeVarString = 0xfd

/** Longer ones go as text: what preparing saves is nothing against them. */
const longestPacket = 1 << 16

/**
 * The packet that executes a prepared statement with these values, framed as the first one of a command: whole numbers as what literals of
 * them are, strings in UTF-8. `undefined` where a literal means something that no bound value does, as 1.5 does, a DECIMAL, and `true`; and for
 * strings whose literals mean something else under some `sql_mode`.
 */
export function executePacket(statementId: number, values: readonly unknown[]): Buffer | undefined {
  const count = values.length
  const nullBytes = (count + 7) >> 3
  let size = headerAndCommand + nullBytes + 1 + 2 * count
  for (const value of values) {
    const most = mostBytes(value)
    if (most === undefined) return undefined
    size += most
  }
  if (size > longestPacket) return undefined
  const packet = Buffer.allocUnsafe(size)
  packet[header] = command
  packet.writeUInt32LE(statementId, header + 1)
  packet[header + 5] = 0
  packet.writeUInt32LE(1, header + 6)
  const nulls = headerAndCommand
  packet.fill(0, nulls, nulls + nullBytes)
  packet[nulls + nullBytes] = 1
  let type = nulls + nullBytes + 1
  let at = type + 2 * count
  for (let n = 0; n < count; n += 1, type += 2) {
    const value = values[n]
    packet[type + 1] = 0
    if (value === null) {
      packet[type] = typeNull
      packet[nulls + (n >> 3)]! |= 1 << (n & 7)
    } else if (typeof value === 'string') {
      packet[type] = typeVarString
      at = writeString(packet, at, value)
    } else {
      at = writeInteger(packet, at, value as number)
      packet[type] = isLong(value as number) ? typeLong : typeLongLong
    }
  }
  const length = at - header
  packet.writeUIntLE(length, 0, 3)
  packet[3] = 0
  return packet.subarray(0, at)
}

/** `undefined` for what is not bound. */
function mostBytes(value: unknown): number | undefined {
  // Up to three bytes for each UTF-16 unit, and three for the length.
  if (typeof value === 'string') return isEscaped(value) ? undefined : 3 + 3 * value.length
  if (value === null) return 0
  return Number.isSafeInteger(value) ? 8 : undefined
}

/** As a length-encoded string; a length may be told in more bytes than it needs. */
function writeString(packet: Buffer, at: number, value: string): number {
  const bytes = packet.write(value, at + 3, 'utf8')
  packet[at] = 0xfc
  packet.writeUInt16LE(bytes, at + 1)
  return at + 3 + bytes
}

/** What is written with a backslash in a literal, which is no escape under `NO_BACKSLASH_ESCAPES`. */
function isEscaped(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- those that are escaped
  return /[\0\b\t\n\r\u001a"'\\]/.test(value)
}

/** Whether a literal of it is an INT: that of the least one is 2147483648, less than nothing. */
function isLong(value: number): boolean {
  return value === (value | 0) && value !== -2_147_483_648
}

/** In two's complement, both halves where it is long. */
function writeInteger(packet: Buffer, at: number, value: number): number {
  packet.writeInt32LE(value | 0, at)
  if (isLong(value)) return at + 4
  packet.writeInt32LE(Math.floor(value / 4_294_967_296), at + 4)
  return at + 8
}
