import type { Driver, Engine } from './driver.ts'

/** The drivers by engine; each file is loaded when its engine is first used. */
export const drivers: Readonly<Record<Engine, () => Promise<Driver>>> = {
  postgres: async () => (await import('./postgres.ts')).createPostgresDriver(),
  mysql: async () => (await import('./mysql.ts')).createMysqlDriver(),
  sqlite: async () => (await import('./sqlite.ts')).createSqliteDriver(),
}
