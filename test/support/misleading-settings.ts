import { connect } from '../../src/index.ts'
import type { TestServer } from '../../src/testing/index.ts'

type Database = Awaited<ReturnType<TestServer['createDatabase']>>

const settings = [
  [
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    'extra_float_digits = -10',
    "timezone = 'Europe/Berlin'",
    'bytea_output = escape',
  ],
  [
    "datestyle = 'SQL, MDY'",
    "intervalstyle = 'postgres_verbose'",
    'extra_float_digits = 0',
    "timezone = 'Asia/Kolkata'",
  ],
] as const

/** Sets two databases of PostgreSQL so that a text of one means other values in the other, or not all of them. */
export async function setMisleading(one: Database, other: Database): Promise<void> {
  for (const [index, { dsn, name }] of [one, other].entries()) {
    await using plain = await connect(dsn)
    for (const each of settings[index]!) await plain.query(`alter database "${name}" set ${each}`)
  }
}
