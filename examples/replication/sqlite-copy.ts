import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Databases } from './databases.ts'

const intervalMs = 10

/**
 * Two files, and the replication that SQLite does not have: what the primary's handle changes is recorded by SQLite's
 * session extension, and applied to the replica `lagMs` later.
 */
export async function openFiles(schema: readonly string[], lagMs: number): Promise<Databases> {
  const files = { primary: path('primary.db'), replica: path('replica.db') }
  const [primary, replica] = [new DatabaseSync(files.primary), new DatabaseSync(files.replica)]
  // Changesets hold rows, not tables: both files begin alike.
  for (const statement of schema) for (const file of [primary, replica]) file.exec(statement)

  let recording = primary.createSession()
  const underWay: { readonly due: number; readonly changes: Uint8Array }[] = []
  const copy = (): void => {
    // Half a transaction is nothing to copy.
    if (primary.isTransaction) return
    const changes = recording.changeset()
    if (changes.length > 0) {
      recording.close()
      recording = primary.createSession()
      underWay.push({ due: performance.now() + lagMs, changes })
    }
    for (let [next] = underWay; next !== undefined && next.due <= performance.now(); [next] = underWay) {
      replica.applyChangeset(next.changes)
      underWay.shift()
    }
  }
  const timer = setInterval(copy, intervalMs)
  return {
    primary,
    replica: `sqlite:${files.replica}`,
    text: (sql) => sql,
    hasPositions: false,
    copied: async () => {
      copy()
      while (underWay.length > 0) await delay(intervalMs)
    },
    close: async () => {
      clearInterval(timer)
      recording.close()
      primary.close()
      replica.close()
    },
  }
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
