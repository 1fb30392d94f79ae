/** SERVER_MORE_RESULTS_EXISTS. */
const moreResults = 8

/** A packet of mysql2's, as far as the end of an answer is found in it. */
export interface AnswerPacket {
  isError(): boolean
  isEOF(): boolean
  eofStatusFlags(): number
  readInt8(): number
  readInt16(): number
  readLengthCodedNumber(): number | null
}

/**
 * Reads the answer to a text without keeping anything of it, for those who wait behind. Of the text protocol without CLIENT_DEPRECATE_EOF,
 * which mysql2 does not ask for: a header, and unless that is an end itself the columns, an end, the rows, an end
 * (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html).
 */
export class DiscardedAnswer {
  #state: 'header' | 'columns' | 'rows' = 'header'

  /** Takes the next packet; true if it was the last. */
  take(packet: AnswerPacket): boolean {
    if (packet.isError()) return true
    switch (this.#state) {
      case 'header':
        return this.#header(packet)
      case 'columns':
        if (packet.isEOF()) this.#state = 'rows'
        return false
      case 'rows':
        return packet.isEOF() && this.#end(packet.eofStatusFlags())
    }
  }

  #header(packet: AnswerPacket): boolean {
    const columns = packet.readLengthCodedNumber()
    if (columns !== 0) {
      this.#state = 'columns'
      return false
    }
    // How many rows were changed, and the number of the last one.
    packet.readLengthCodedNumber()
    packet.readLengthCodedNumber()
    return this.#end(packet.readInt16())
  }

  #end(status: number): boolean {
    this.#state = 'header'
    return (status & moreResults) === 0
  }
}
