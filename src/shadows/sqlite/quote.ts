import { quotedName, quotedText } from '../../statement/quotes.ts'

/** A name in SQL. */
export function quote(name: string): string {
  return quotedName('sqlite', name)
}

/** A text in SQL. */
export function text(value: string): string {
  return quotedText('sqlite', value)
}
