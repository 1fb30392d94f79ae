import type { Position } from '../index.ts'

/** A position as the engine writes it: `0/16B3748` with its timeline (`3:0/16B3748`), or GTIDs (`0-1-8,1-2-77`). */
export function positionText(position: Position): string {
  if (position.kind === 'lsn') {
    const [upper, lower] = [position.lsn >> 32n, position.lsn & 0xffff_ffffn]
    return `${position.timeline}:${upper.toString(16)}/${lower.toString(16)}`.toUpperCase()
  }
  const sorted = [...position.domains].toSorted(([a], [b]) => a - b)
  return sorted.map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`).join(',')
}

/** Whether a server that is at `at` lacks something of what `wanted` has; `false` if that cannot be told. */
export function isBefore(at: Position, wanted: Position): boolean {
  if (at.kind === 'lsn') return wanted.kind === 'lsn' && at.timeline === wanted.timeline && at.lsn < wanted.lsn
  if (wanted.kind !== 'gtid') return false
  return [...wanted.domains].some(([domain, { sequence }]) => (at.domains.get(domain)?.sequence ?? -1n) < sequence)
}
