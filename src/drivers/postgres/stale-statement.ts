interface ServerError {
  readonly code?: string
  readonly routine?: string
  readonly message?: string
}

/**
 * "cached plan must not change result type": a table changed since the statement was prepared. The SQLSTATE 0A000 means
 * any unsupported feature and the message is translated, so the place in the server's source decides (plancache.c).
 */
export function staleStatement(error: unknown): boolean {
  const { code, routine } = error as ServerError
  return code === '0A000' && routine === 'RevalidateCachedQuery'
}

/** "prepared statement … does not exist": DISCARD ALL, DEALLOCATE, or a pooler that changed the server connection. */
export function lostStatement(error: unknown, name: string): boolean {
  const { code, message } = error as ServerError
  return code === '26000' && message !== undefined && message.includes(name)
}
