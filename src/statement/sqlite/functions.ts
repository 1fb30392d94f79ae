import { answeringPragmas } from './pragmas.ts'

const names = `
abs acos acosh asin asinh atan atan2 atanh avg
bm25
ceil ceiling changes char coalesce concat concat_ws cos cosh count cume_dist current_date current_time
current_timestamp
date datetime decimal decimal_add decimal_cmp decimal_collate decimal_exp decimal_mul decimal_pow2 decimal_sub
decimal_sum degrees dense_rank
exp
first_value floor format fts5_get_locale fts5_insttoken fts5_locale fts5_source_id
generate_series glob group_concat
hex highlight
ieee754 ieee754_exponent ieee754_from_blob ieee754_mantissa ieee754_to_blob if ifnull iif instr
json json_array json_array_insert json_array_length json_each json_error_position json_extract json_group_array
json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_tree
json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_each jsonb_extract jsonb_group_array
jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday
lag last_insert_rowid last_value lead length like likelihood likely ln log log10 log2 lower ltrim
match matchinfo max median min mod
nth_value ntile nullif
octet_length offsets
percent_rank percentile percentile_cont percentile_disc pi pow power printf
quote
radians random randomblob rank regexp replace round row_number rtreecheck rtreedepth rtreenode rtrim
sha1 sha3 sign sin sinh snippet soundex sqlite_compileoption_get sqlite_compileoption_used sqlite_offset
sqlite_source_id sqlite_version sqrt strftime string_agg substr substring subtype sum
tan tanh time timediff total total_changes trim trunc typeof
unhex unicode unistr unistr_quote unixepoch unlikely upper
zeroblob
geopoly_area geopoly_bbox geopoly_blob geopoly_ccw geopoly_contains_point geopoly_group_bbox geopoly_json
geopoly_overlap geopoly_regular geopoly_svg geopoly_within geopoly_xform
fts3tokenize dbstat sqlite_stmt bytecode tables_used carray
`

/**
 * Built-in functions of SQLite and its usual extensions that change nothing, in lower case
 * (https://sqlite.org/lang_corefunc.html and the pages beside it). Table-valued ones are among them, and the pragmas
 * that only answer (`pragma_table_info`).
 *
 * Left out on purpose: `load_extension`, `fts3_tokenizer`, `optimize` of FTS3, `edit`, `readfile`, `writefile`,
 * `fsdir`, `lsdir`, `sqlite_log`, `geopoly_debug`.
 */
export const sqliteSafeFunctions: ReadonlySet<string> = new Set([
  ...names.trim().split(/\s+/),
  ...[...answeringPragmas].map((name) => `pragma_${name}`),
])
