/** What mysql2 has besides its types, of a connection that packets are written to. */
export interface WritesPackets {
  write(bytes: Buffer): void
  _resetSequenceId(): void
  _bumpSequenceId(packets: number): void
}

/** The packet of a command: its code, and what goes with it. */
export function framed(code: number, bytes: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(5 + bytes.length)
  packet.writeUIntLE(bytes.length + 1, 0, 3)
  packet[3] = 0
  packet[4] = code
  bytes.copy(packet, 5)
  return packet
}

/** Writes a packet as the first of a command. */
export function writeFirst(connection: WritesPackets, packet: Buffer): void {
  connection._resetSequenceId()
  connection._bumpSequenceId(1)
  connection.write(packet)
}
