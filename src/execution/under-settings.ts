import type { ConnectionSettings } from '../drivers/driver.ts'
import { namedSettings } from '../drivers/named-settings.ts'
import { UnsupportedError } from '../errors.ts'
import { decideRole, type Surrounding } from '../routing/role.ts'
import type { Reason } from '../routing/route.ts'
import { placeOf, shardOf, type Decision } from './decision.ts'

/** What a call says of the settings of its connection. */
export interface SettingsCall {
  readonly settings?: ConnectionSettings | undefined
  readonly changes?: readonly string[] | undefined
}

const kept: Reason = {
  rule: 'settings',
  text: 'it changes settings of the session, which is given them again wherever it runs',
}

/** The decision for a statement of a session that has settings of its own, on whichever connection it runs. */
export function underSettings(
  decided: Decision | Promise<Decision>,
  call: SettingsCall | undefined,
  surrounding: Surrounding,
): Decision | Promise<Decision> {
  if (call?.settings === undefined && call?.changes === undefined) return decided
  if (!(decided instanceof Promise)) return withSettings(decided, call, surrounding)
  return decided.then((decision) => withSettings(decision, call, surrounding))
}

function withSettings(decision: Decision, call: SettingsCall, surrounding: Surrounding): Decision {
  if (call.settings !== undefined) refuseOtherSchemas(decision, call.settings)
  if (call.changes === undefined) return decision
  // What its connection gets by it, the caller has noted: to the server it is a read.
  const { role, reason } = decideRole(decision.database, 'read', surrounding, undefined)
  const reasons = Object.freeze([kept, reason].map((each) => Object.freeze(each)))
  return { ...decision, route: Object.freeze({ ...decision.route, effect: 'read', role, reasons }) }
}

/** Shards that are schemas of one database are told apart by the search path of their connections. */
function refuseOtherSchemas(decision: Decision, settings: ConnectionSettings): void {
  const { database } = decision
  if (namedSettings(settings)?.values.has('search_path') !== true) return
  if (database.shards.length === 1) return
  const target = shardOf(decision).primary.target()
  if (target.from !== 'dsn' || !/search_path/i.test(decodeURIComponent(target.dsn))) return
  const { name, place } = placeOf(decision)
  throw new UnsupportedError(
    `${name} is a schema, which its data source name leads to by a search_path; the session has set another one. Nothing was sent. RESET search_path first.`,
    place,
  )
}
