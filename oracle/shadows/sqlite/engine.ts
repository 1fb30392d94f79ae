import type { OracleEngine } from '../engine.ts'
import { quoted } from '../value.ts'
import { SqliteReferee } from './referee.ts'
import { makeStage } from './stage.ts'
import { sqliteStatement } from './statement.ts'
import { makeWorld } from './world.ts'

/** Shadows of SQLite files. `folder` holds the files of the sequence that is being played, and nothing afterwards. */
export function sqliteOracle(folder: string): OracleEngine {
  return {
    name: 'sqlite',
    makeWorld,
    makeStatement: sqliteStatement,
    makeStage: async (world, name) => await makeStage(world, folder, name),
    referee: (world) => new SqliteReferee(world),
    // A copy must keep the storage classes of values.
    dumpText: (table, columns) =>
      `select *, ${columns.map(({ name }) => `typeof(${quoted(name)})`).join(" || ' ' || ")} as kinds from ${quoted(table)}`,
    sequencesPerWorld: 1,
  }
}
