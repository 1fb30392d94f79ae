import type { Mysql2 } from './native-mysql2.ts'
import type { Setting } from './session-settings.ts'

/** What mysql2 asks for when it is told nothing: utf8mb4_unicode_ci. */
const ordinary = 224

/** The character set that a connection is configured with, as the setting that it is on a connection of others. */
export function charsetSetting(mysql2: Mysql2, config: object): readonly Setting[] {
  const { charsetNumber } = config as { readonly charsetNumber?: number }
  if (charsetNumber === undefined || charsetNumber === ordinary) return []
  // Short names of character sets stand for their collations beside the long ones.
  const names = Object.entries(mysql2.Charsets).filter(([, number]) => number === charsetNumber)
  const collation = names.map(([name]) => name.toLowerCase()).find((name) => name.includes('_') || name === 'binary')
  if (collation === undefined) return []
  const [charset] = collation.split('_')
  const collate = collation === 'binary' ? '' : ` collate ${collation}`
  const variables = [
    'character_set_client',
    'character_set_results',
    'character_set_connection',
    'collation_connection',
  ]
  return [{ statement: `set names ${charset}${collate}`, variables, reads: false }]
}
