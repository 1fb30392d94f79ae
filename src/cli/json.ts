/** A value as indented JSON with a line end; a bigint, which JSON does not have, as a string of digits. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? each.toString() : each), 2)}\n`
}
