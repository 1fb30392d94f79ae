import { formatPosition, type Position } from '../index.ts'

/** A position as people write it, without its kind: `3:0/16B3748` (timeline 3), or GTIDs (`0-1-8,1-2-77`). */
export function positionText(position: Position): string {
  return formatPosition(position).slice(position.kind.length + 1)
}
