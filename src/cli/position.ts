/**
 * A position of `client.status()` as people write it, without its kind: `3:0/16B3748` (timeline 3), or GTIDs
 * (`0-1-8,1-2-77` of MariaDB, `3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77` of MySQL).
 */
export function positionText(position: string): string {
  return position.slice(position.indexOf(':') + 1)
}

/** The text of a position for a column of a table: of MySQL's UUIDs the first eight digits, which people tell servers by. */
export function shortPosition(text: string): string {
  return text.replaceAll(/\b([\da-f]{8})(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g, '$1…')
}
