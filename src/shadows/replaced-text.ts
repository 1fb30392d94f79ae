import type { Span } from '../statement/analysis.ts'

/** A text with other words in some places. `parts`: in the order of the text. */
export function replacedText(sql: string, parts: readonly (readonly [place: Span, by: string])[]): string {
  let text = ''
  let from = 0
  for (const [{ start, end }, by] of parts) {
    text += sql.slice(from, start) + by
    from = end
  }
  return text + sql.slice(from)
}
