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

/** What is to hold in the session of a client, by the names that the server has for it; nothing as a rule. The environment counts, as for `pg`. */
export function sessionSettings(client: object): readonly (readonly [name: string, value: string])[] {
  const { connectionParameters: parameters } = client as {
    readonly connectionParameters: Readonly<Record<string, unknown>>
  }
  const settings: (readonly [string, string])[] = []
  const { application_name: name, fallback_application_name: fallback } = parameters
  const application = name || fallback
  if (typeof application === 'string') settings.push(['application_name', application])
  for (const timeout of timeouts) {
    const ms = Number.parseInt(String(parameters[timeout]), 10)
    if (ms > 0) settings.push([timeout, String(ms)])
  }
  const { options } = parameters
  if (typeof options === 'string')
    for (const [, name = '', value = ''] of options.matchAll(commandLineSetting))
      settings.push([name.replaceAll('-', '_'), value.replaceAll(/\\(.)/g, '$1')])
  return settings
}
