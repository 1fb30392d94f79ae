/** Types that have no text, or none that is read back as it was written. */
const hexadecimal = /^(?:bit|vector|geometry|point|linestring|polygon|multi\w+|geometrycollection|geomcollection)\b/
const bytes = /^(?:binary|varbinary|tinyblob|blob|mediumblob|longblob)\b/
const moment = /^timestamp\b/

/** A type whose values are moments, shown in the time zone of the connection. */
export function isMoment(type: string): boolean {
  return moment.test(type)
}

/** What reads a column as a text that loses nothing, or as bytes. A moment is read as seconds since 1970. */
export function readText(column: string, type: string): string {
  return isMoment(type) ? `cast(unix_timestamp(${column}) as char)` : readPlainText(column, type)
}

/** As `readText`; a moment is read in the time zone of the connection, which makes it exact where that is one without changes. */
export function readPlainText(column: string, type: string): string {
  if (hexadecimal.test(type)) return `hex(${column})`
  if (bytes.test(type)) return column
  // The text of a float has six digits, that of the double which it becomes all of them.
  return type.startsWith('float') ? `cast(${column} + 0e0 as char)` : `cast(${column} as char)`
}

/** What writes the value that `readText` has given. */
export function writeText(mark: string, type: string): string {
  return isMoment(type) ? `from_unixtime(cast(${mark} as decimal(20, 6)))` : writePlainText(mark, type)
}

/** What writes the value that `readPlainText` has given. */
export function writePlainText(mark: string, type: string): string {
  return hexadecimal.test(type) ? `unhex(${mark})` : mark
}
