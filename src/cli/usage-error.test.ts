import { expect, it } from 'vitest'
import { withoutPasswords } from './usage-error.ts'

it.each([
  ["unknown command 'postgres://u:secret@h/x'", "unknown command 'postgres://u:***@h/x'"],
  ['mysql://u:se@cr/et@h/x and pg://a:b@c', 'mysql://u:***@h/x and pg://a:***@c'],
  ['postgres://u@h/x', 'postgres://u@h/x'],
  ['see https://example.org:80/a and mail me@example.org', 'see https://example.org:80/a and mail me@example.org'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutPasswords(text)).toBe(shown)
})
