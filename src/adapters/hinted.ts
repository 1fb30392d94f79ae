/**
 * Adds advice to an error of a driver, where PostgreSQL has its own: class, code and message, by which programs tell errors apart, stay as they are.
 */
export function hinted(error: unknown, advice: string | undefined): unknown {
  if (advice === undefined || !(error instanceof Error) || Object.isFrozen(error)) return error
  const { hint } = error as { readonly hint?: unknown }
  return Object.assign(error, { hint: typeof hint === 'string' && hint !== '' ? `${hint} ${advice}` : advice })
}
