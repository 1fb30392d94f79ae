import type { ClientConfig } from 'pg'

/** What is given to a client, as an object. */
export function settingsOf(config: string | ClientConfig | undefined): ClientConfig {
  if (typeof config === 'string') return { connectionString: config }
  // Pools hide it from those who print them, and so from a spread.
  return config?.password === undefined ? { ...config } : { ...config, password: config.password }
}

/** Time limits of its session that a client asks for when it connects, in milliseconds. */
const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'] as const

/** `-c name=value` and `--name=value`, blanks escaped by a backslash. */
const commandLineSetting = /(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g

/**
 * What is to hold in the session of a client, by the names that the server has for it, in lower case; `undefined` as a rule. The environment counts,
 * as for `pg`.
 */
export function sessionSettings(client: object): ReadonlyMap<string, string> | undefined {
  const { connectionParameters: parameters } = client as {
    readonly connectionParameters: Readonly<Record<string, unknown>>
  }
  const settings = new Map<string, string>()
  const { options } = parameters
  if (typeof options === 'string')
    for (const [, name = '', value = ''] of options.matchAll(commandLineSetting))
      settings.set(name.replaceAll('-', '_').toLowerCase(), value.replaceAll(/\\(.)/g, '$1'))
  const { application_name: name, fallback_application_name: fallback } = parameters
  const application = name || fallback
  if (typeof application === 'string') settings.set('application_name', application)
  for (const timeout of timeouts) {
    const ms = Number.parseInt(String(parameters[timeout]), 10)
    if (ms > 0) settings.set(timeout, String(ms))
  }
  return settings.size === 0 ? undefined : settings
}
