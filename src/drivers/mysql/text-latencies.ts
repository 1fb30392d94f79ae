import { LatencyRecord } from '../multiplexing/statement-latency.ts'
import { BoundedMap } from '../../statement/bounded-map.ts'

/** Longer ones come once as a rule. */
const longestText = 16_384
/** Texts that are remembered for a pool. */
const mostTexts = 4_096

/** How quick the texts are that a pool has sent. */
export class TextLatencies {
  readonly #texts = new BoundedMap<string, LatencyRecord>(mostTexts)
  /** Of texts that come once, by what they are alike in. */
  readonly #alike = new BoundedMap<string, LatencyRecord>(mostTexts)

  /** `likeness`: of a text that differs from others in its values alone. `undefined` for one too long to be remembered. */
  of(sql: string, likeness: string | undefined): LatencyRecord | undefined {
    if (likeness !== undefined) return recordOf(this.#alike, likeness)
    return sql.length > longestText ? undefined : recordOf(this.#texts, sql)
  }
}

function recordOf(records: BoundedMap<string, LatencyRecord>, key: string): LatencyRecord {
  const known = records.get(key)
  if (known !== undefined) return known
  const record = new LatencyRecord()
  records.set(key, record)
  return record
}
