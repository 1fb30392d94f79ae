import { RouterAnswerError } from '../errors.ts'
import type { TableMap, TableName } from '../topology/table-map.ts'
import type { Topology } from '../topology/topology.ts'
import { isSystemTable, locateTable } from './home.ts'
import type { Reason } from './route.ts'
import type { Router } from './router.ts'

/** Whether something is allowed, and why. */
export interface Permission {
  readonly allowed: boolean
  readonly reason: Reason
}

/**
 * May this table be created, altered or dropped on this database? The first router with an opinion decides; else a
 * declared home allows its own database only; else an exclusive database refuses tables that are not declared for it.
 */
export function migrationPermission(
  database: string,
  table: TableName,
  context: { readonly topology: Topology; readonly tables: TableMap; readonly routers: readonly Router[] },
): Permission {
  for (const [index, router] of context.routers.entries()) {
    const answer = router.allowMigrate?.(database, table)
    if (answer !== undefined && answer !== null) {
      if (typeof answer !== 'boolean') {
        throw new RouterAnswerError(
          `${routerName(router, index)} answered with a ${typeof answer} to allowMigrate. Its answers are true, false, and undefined for no opinion.`,
        )
      }
      return {
        allowed: answer,
        reason: { rule: 'router', text: `${routerName(router, index)} ${answer ? 'allows' : 'forbids'} it` },
      }
    }
  }
  const location = locateTable(table, context.tables, context.topology)
  if (location.declared) {
    const allowed = location.database === database
    return { allowed, reason: { rule: 'home', text: `its home is "${location.database ?? ''}" (${location.because})` } }
  }
  return residencePermission(database, table, context)
}

/** May a statement use this table on this database at all? Only exclusive databases refuse. */
export function residencePermission(
  database: string,
  table: TableName,
  context: { readonly topology: Topology; readonly tables: TableMap },
): Permission {
  const { exclusive = false, engine } = context.topology.databases.get(database) ?? {}
  if (!exclusive || (engine !== undefined && isSystemTable(table, engine, context.tables)))
    return { allowed: true, reason: { rule: 'open', text: 'the database takes any table' } }
  const location = locateTable(table, context.tables, context.topology)
  const allowed = location.declared && location.database === database
  const declared = context.tables.patternsOf(database).join(', ') || 'none'
  return {
    allowed,
    reason: {
      rule: 'exclusive',
      text: allowed
        ? 'the database is exclusive and the table is declared for it'
        : `"${database}" is exclusive, and only these tables may live there: ${declared}`,
    },
  }
}

/** A router's name in reasons and messages. */
export function routerName(router: Router, index: number): string {
  const constructorName = Object.getPrototypeOf(router)?.constructor?.name as string | undefined
  const name = router.name ?? (constructorName === 'Object' ? undefined : constructorName)
  return name === undefined ? `router ${index + 1}` : `router "${name}"`
}
