import type { Client } from '../index.ts'

/**
 * The shards of keys, in their order; `undefined` for one that no shard owns, or that cannot be a key. Asks the directory of owners
 * where there is one, and throws if that does not answer.
 */
export async function keyOwners(
  client: Client,
  database: string,
  keys: readonly unknown[],
): Promise<readonly (string | undefined)[]> {
  try {
    return await client.findShards(keys, { database })
  } catch (error) {
    if (!isAboutKeys(error)) throw error
    return await Promise.all(keys.map(async (key) => await ownerOf(client, database, key)))
  }
}

async function ownerOf(client: Client, database: string, key: unknown): Promise<string | undefined> {
  try {
    return await client.findShard(key, { database })
  } catch (error) {
    if (!isAboutKeys(error)) throw error
    return undefined
  }
}

/** What a directory, or a server, does not answer says nothing about keys. A user's own map may throw what it likes. */
function isAboutKeys(error: unknown): boolean {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code !== 'string' || !code.startsWith('SIGNALBOX_') || code === 'SIGNALBOX_SHARD_KEY'
}
