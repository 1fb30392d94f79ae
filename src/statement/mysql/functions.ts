const names = `
abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 avg
bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor
cast ceil ceiling char char_length character_length charset coalesce coercibility collation compress concat concat_ws
connection_id conv convert convert_tz cos cot count crc32 crc32c cume_dist curdate current_date current_role
current_time current_timestamp current_user curtime
database date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode default degrees
dense_rank des_decrypt des_encrypt
elt encode encrypt exp export_set extract extractvalue
field find_in_set first_value floor format format_bytes format_pico_time found_rows from_base64 from_days from_unixtime
get_format greatest group_concat grouping gtid_subset gtid_subtract
hex hour
if ifnull inet_aton inet_ntoa inet6_aton inet6_ntoa insert instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
is_uuid isnull icu_version
json_array json_array_append json_array_insert json_array_intersect json_arrayagg json_compact json_contains
json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert json_key_value json_keys
json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object
json_object_filter_keys json_object_to_array json_objectagg json_overlaps json_pretty json_query json_quote json_remove
json_replace json_schema_valid json_schema_validation_report json_search json_set json_storage_free json_storage_size
json_table json_type json_unquote json_valid json_value
kdf
lag last_day last_insert_id last_value lastval lcase lead least left length like ln localtime localtimestamp locate log
log10 log2 lower lpad ltrim
make_set makedate maketime max md5 median microsecond mid min minute mod month monthname
name_const natural_sort_key now nth_value ntile nullif
oct octet_length old_password ord
password percent_rank percentile_cont percentile_disc period_add period_diff pi position pow power
quarter quote
radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right
roles_graphml round row_count row_number rpad rtrim
schema sec_to_time second session_user sformat sha sha1 sha2 sign sin soundex space sqrt statement_digest
statement_digest_text std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring substring_index
subtime sum sysdate system_user
tan time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days to_seconds trim
truncate
ucase uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid
uuid_to_bin uuid_v4 uuid_v7 sys_guid
validate_password_strength values var_pop var_samp variance version
week weekday weekofyear weight_string
year yearweek
add_months chr concat_operator_oracle decode_oracle length_oracle lengthb lpad_oracle ltrim_oracle nvl nvl2
regexp_replace_oracle replace_oracle rpad_oracle rtrim_oracle substr_oracle trim_oracle to_number trunc
column_add column_check column_create column_delete column_exists column_get column_json column_list
vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext vector_dim to_vector string_to_vector
from_vector vector_to_string xmlisvalid decode_histogram
area asbinary astext aswkb aswkt boundary buffer centroid contains convexhull crosses dimension disjoint distance
endpoint envelope equals exteriorring geomcollfromtext geomcollfromwkb geometrycollection geometrycollectionfromtext
geometrycollectionfromwkb geometryfromtext geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb glength
interiorringn intersects isclosed isempty isring issimple linefromtext linefromwkb linestring linestringfromtext
linestringfromwkb mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps
mbrtouches mbrwithin mlinefromtext mlinefromwkb mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestring
multilinestringfromtext multilinestringfromwkb multipoint multipointfromtext multipointfromwkb multipolygon
multipolygonfromtext multipolygonfromwkb numgeometries numinteriorrings numpoints overlaps point pointfromtext
pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygon polygonfromtext polygonfromwkb srid startpoint
touches within x y
st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer st_buffer_strategy st_centroid
st_collect st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_distance_sphere
st_endpoint st_envelope st_equals st_exteriorring st_frechetdistance st_geohash st_geomcollfromtext st_geomcollfromtxt
st_geomcollfromwkb st_geometrycollectionfromtext st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb
st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn
st_intersection st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude
st_length st_linefromtext st_linefromwkb st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext
st_linestringfromwkb st_longfromgeohash st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb
st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext
st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb
st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints st_overlaps st_pointatdistance st_pointfromgeohash
st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface st_polyfromtext st_polyfromwkb st_polygonfromtext
st_polygonfromwkb st_relate st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches st_transform
st_union st_validate st_within st_x st_y
any_value ps_current_thread_id ps_thread_id
`

/**
 * Built-in functions of MySQL 8 and later and MariaDB 10.6 and later that change nothing and take no lock, in lower
 * case (https://dev.mysql.com/doc/refman/8.4/en/built-in-function-reference.html,
 * https://mariadb.com/kb/en/built-in-functions/). Anything else may be a function of the user's own.
 *
 * Left out on purpose: what waits or locks (`sleep`, `benchmark`, `get_lock`, `release_lock`, `master_gtid_wait`, …),
 * what asks about locks and so belongs on the primary (`is_free_lock`, `is_used_lock`), what takes a number
 * (`nextval`, `setval`, `uuid_short`), and what reads the server's files (`load_file`). `last_insert_id` is here
 * because the analysis itself says `session` for it, and that it leaves state behind where it has an argument.
 *
 * It holds for unqualified names only: `shop.count()` is a function of the user's own.
 */
export const mysqlSafeFunctions: ReadonlySet<string> = new Set(names.trim().split(/\s+/))
