/** A value as indented JSON with a line end; what JSON does not have: a bigint as a string of digits, bytes as hexadecimal ones. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, each: unknown) => written(each), 2)}\n`
}

function written(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}
