import type { SyntaxWalk } from '../shallow/syntax-walk.ts'
import type { Verdict } from '../verdict.ts'
import { tokenType } from '../shallow/token-list.ts'

/** Pragmas that only answer, whatever their argument (https://sqlite.org/pragma.html). */
export const answeringPragmas: ReadonlySet<string> = new Set(
  `collation_list compile_options data_version database_list foreign_key_check foreign_key_list freelist_count
  function_list index_info index_list index_xinfo integrity_check module_list page_count pragma_list quick_check stats
  table_info table_list table_xinfo`.split(/\s+/),
)

/** Pragmas whose argument is a table. */
const tablePragmas: ReadonlySet<string> = new Set([
  'foreign_key_check',
  'foreign_key_list',
  'index_list',
  'table_info',
  'table_list',
  'table_xinfo',
])

/** Without an argument they tell what stands in the database file; with one they change it. */
const filePragmas: ReadonlySet<string> = new Set([
  'application_id',
  'auto_vacuum',
  'encoding',
  'journal_mode',
  'page_size',
  'schema_version',
  'user_version',
])

/** Those that change nothing but a number in the file's header. */
const headerPragmas: ReadonlySet<string> = new Set(['application_id', 'schema_version', 'user_version'])

/** Without an argument they tell the state of the connection; with one they change it. */
const connectionPragmas: ReadonlySet<string> = new Set(
  `analysis_limit automatic_index busy_timeout cache_size cache_spill case_sensitive_like cell_size_check
  checkpoint_fullfsync count_changes default_cache_size defer_foreign_keys empty_result_callbacks foreign_keys
  full_column_names fullfsync hard_heap_limit ignore_check_constraints journal_size_limit legacy_alter_table
  legacy_file_format locking_mode max_page_count mmap_size parser_trace query_only read_uncommitted recursive_triggers
  reverse_unordered_selects secure_delete short_column_names shrink_memory soft_heap_limit synchronous temp_store
  temp_store_directory data_store_directory threads trusted_schema vdbe_addoptrace vdbe_debug vdbe_listing vdbe_trace
  wal_autocheckpoint writable_schema`.split(/\s+/),
)

/** Pragmas that work on the database file, with or without an argument. */
const workingPragmas: ReadonlySet<string> = new Set(['incremental_vacuum', 'optimize', 'wal_checkpoint'])

/** `PRAGMA [schema.]name`, `… = value`, `… (value)`. */
export function readPragma(walk: SyntaxWalk, from: number, to: number): Verdict {
  const { tokens } = walk
  const name = walk.qualifiedNameAt(from + 1, to)
  if (name === undefined) return { kind: 'unknown', why: 'the PRAGMA is not understood', complete: false }
  const pragma = name.name.toLowerCase()
  const hasArgument = name.next < to
  if (answeringPragmas.has(pragma)) {
    if (hasArgument && tablePragmas.has(pragma)) noteTable(walk, name.next, name.schema)
    return { kind: 'read', why: `PRAGMA ${pragma} only answers` }
  }
  if (filePragmas.has(pragma))
    return hasArgument
      ? { kind: 'write', why: `PRAGMA ${pragma} changes the database file`, leavesState: !headerPragmas.has(pragma) }
      : { kind: 'read', why: `PRAGMA ${pragma} without a value only answers` }
  if (connectionPragmas.has(pragma)) {
    const changes = hasArgument || pragma === 'shrink_memory'
    return {
      kind: 'session',
      why: `PRAGMA ${pragma} ${changes ? 'changes' : 'tells'} the state of its connection`,
      leavesState: changes,
    }
  }
  if (workingPragmas.has(pragma)) return { kind: 'write', why: `PRAGMA ${pragma} works on the database file` }
  return { kind: 'unknown', why: `PRAGMA ${tokens.text(name.next - 1).slice(0, 40)} is not known`, complete: false }
}

/** The table in `(table)` or `= table`. */
function noteTable(walk: SyntaxWalk, index: number, schema: string | undefined): void {
  const { tokens, findings } = walk
  const type = tokens.type(index + 1)
  if (type !== tokenType.word && type !== tokenType.quotedName && type !== tokenType.string) return
  findings.addTable({ name: tokens.unquoted(index + 1), schema, span: walk.span(index + 1, index + 1) }, 'read')
}
