/** The name by which a server knows one branch of a distributed transaction: enough to look up what was decided about it. */
export interface BranchName {
  /** The name of the log in which the decision stands, so that no application decides about the branches of another. */
  readonly log: string
  /** The id of the transaction in the log. */
  readonly id: string
  /** Its number within the transaction. */
  readonly branch: number
}

const pattern = /^signalbox_([0-9a-f]{8})_([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_(\d{1,5})$/

/** As a text: at most 61 characters in front of the last underscore, of which MySQL and MariaDB take 64. */
export function formatBranchName({ log, id, branch }: BranchName): string {
  return `signalbox_${log}_${id}_${branch}`
}

/** `undefined`: the text is no name of ours, so what it names is somebody else's. */
export function parseBranchName(text: string): BranchName | undefined {
  const [, log, id, branch] = pattern.exec(text) ?? []
  return log === undefined || id === undefined ? undefined : { log, id, branch: Number(branch) }
}

const randomBytes = 10

/** A new id: a UUID of version 7, which begins with the time. */
export function newTransactionId(now: number, random: (bytes: Uint8Array) => Uint8Array): string {
  const time = Math.trunc(now).toString(16).padStart(12, '0')
  const bytes = random(new Uint8Array(randomBytes))
  bytes[0] = 0x70 | (bytes[0]! & 0x0f)
  bytes[2] = 0x80 | (bytes[2]! & 0x3f)
  const rest = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-${rest.slice(0, 4)}-${rest.slice(4, 8)}-${rest.slice(8)}`
}

/** When an id was made, by the clock of who made it. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}

const logNameBytes = 4

/** A new name for a log: eight hexadecimal digits. */
export function newLogName(random: (bytes: Uint8Array) => Uint8Array): string {
  return Array.from(random(new Uint8Array(logNameBytes)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function isLogName(text: string): boolean {
  return /^[0-9a-f]{8}$/.test(text)
}
