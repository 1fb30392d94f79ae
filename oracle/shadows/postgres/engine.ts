import type { OracleEngine } from '../engine.ts'
import { quoted } from '../value.ts'
import { PostgresReferee } from './referee.ts'
import type { OracleServers } from './servers.ts'
import { makeStage } from './stage.ts'
import { postgresStatement } from './statement.ts'
import { makeWorld } from './world.ts'

/** Shadows on PostgreSQL, in one world after the other. */
export function postgresOracle(servers: OracleServers): OracleEngine {
  return {
    name: 'postgres',
    makeWorld,
    makeStatement: postgresStatement,
    makeStage: async (world, name) => await makeStage(servers, world, name),
    referee: () => new PostgresReferee(),
    dumpText: (table) => `select * from ${quoted(table)}`,
    sequencesPerWorld: 12,
  }
}
