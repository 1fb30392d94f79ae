import { allRows, type RelationContext } from './partial-answer.ts'

/** Clocks are set back by half an hour to three; each in seconds. */
const setBack = [1, 2, 3, 4, 5, 6].map((halfHours) => halfHours * 1_800)

/**
 * Whether texts of the given columns, which are TIMESTAMPs, stand for two moments each: the clock of the session's time zone shows
 * one hour of autumn twice. A zone that has the same offset from UTC all year has none.
 */
export async function hasAmbiguousMoments(
  { answers, ask }: RelationContext,
  columns: readonly number[],
): Promise<boolean> {
  const rows = allRows(answers)
  const texts = new Set(columns.flatMap((column) => rows.map((row) => row[column])))
  texts.delete(null)
  if (texts.size === 0) return false
  const steps = setBack.map((seconds) => `select ${seconds} as step union all select -${seconds}`).join(' union all ')
  const answer = await ask({
    sql: `select 1 from json_table(cast(? as char charset utf8mb4), '$[*]' columns (t datetime(6) path '$' error on error)) as j, (${steps}) as s
      where from_unixtime(unix_timestamp(j.t) + s.step) = j.t limit 1`,
    params: [JSON.stringify([...texts])],
    rowMode: 'raw',
  })
  return answer.rows.length > 0
}
