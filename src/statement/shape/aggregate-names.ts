import type { Dialect } from '../statement.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/**
 * The aggregate functions that come with each engine, in lower case, of all versions. What an engine has as a window
 * function only (`row_number`, MariaDB's `median`) is not among them, nor what is an aggregate with WITHIN GROUP only
 * (PostgreSQL's `rank`): there the call itself shows it.
 *
 * https://www.postgresql.org/docs/current/functions-aggregate.html,
 * https://dev.mysql.com/doc/refman/8.4/en/aggregate-functions.html, https://mariadb.com/kb/en/aggregate-functions/,
 * https://sqlite.org/lang_aggfunc.html
 */
export const aggregateNames: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  postgres: words(`
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg
    json_agg_strict json_agg_unique json_agg_unique_strict json_arrayagg json_object_agg json_object_agg_strict
    json_object_agg_unique json_object_agg_unique_strict json_objectagg jsonb_agg jsonb_agg_strict jsonb_object_agg
    jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode percentile_cont
    percentile_disc range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg`),
  mysql: words(`
    avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min st_collect std stddev stddev_pop
    stddev_samp sum var_pop var_samp variance`),
  sqlite: words(`
    avg count decimal_sum geopoly_group_bbox group_concat json_group_array json_group_object jsonb_group_array
    jsonb_group_object max median min percentile percentile_cont percentile_disc string_agg sum total`),
}
