import { hash } from 'node:crypto'
import type { Canonical } from './values/kind.ts'

/** A sum over rows, in any order, of 64 bits: equal for equal rows of equal columns. */
export function addToChecksum(sum: bigint, row: readonly Canonical[]): bigint {
  const text = row
    .map((value) =>
      value === null
        ? 'n'
        : value instanceof Uint8Array
          ? `x${Buffer.from(value).toString('hex')}`
          : `${value.length}:${value}`,
    )
    .join()
  return BigInt.asUintN(64, sum + hash('sha1', text, 'buffer').readBigUInt64LE())
}

/** As people see it. */
export function checksumText(sum: bigint): string {
  return sum.toString(16).padStart(16, '0')
}
