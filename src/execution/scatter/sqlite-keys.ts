/**
 * How SQLite is asked for the value of a sort key: an integer that no number holds exactly comes as text, which is
 * marked, and so all texts are. It would be an error unless the data source name says `?integers=bigint`.
 */
export function sqliteKeyText(expression: string): string {
  const most = Number.MAX_SAFE_INTEGER
  // Without the affinity of a column of texts, as which the bounds would be compared.
  const isExact = `+(${expression}) between -${most} and ${most}`
  return (
    `case when ${isExact} then (${expression}) when typeof(${expression}) = 'text' then 't' || (${expression}) ` +
    `when typeof(${expression}) = 'integer' then 'i' || (${expression}) else (${expression}) end`
  )
}

/** The value of a sort key that was asked for so. */
export function sqliteKeyValue(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value.startsWith('i') ? BigInt(value.slice(1)) : value.slice(1)
}
