import type { DiscoverySource } from '../topology/discovery.ts'
import { dnsSource } from './dns.ts'
import { patroniSource } from './patroni.ts'
import { replicaHostsSource, type AskPrimary } from './replica-hosts.ts'
import type { FoundServer, ServerSource } from './source.ts'

/** The source that a configuration names. `ask` runs a statement on the present primary. */
export function sourceOf(source: DiscoverySource, ask: AskPrimary): ServerSource {
  switch (source.kind) {
    case 'patroni':
      return patroniSource(source.urls)
    case 'dns':
      return dnsSource(source)
    case 'replica-hosts':
      return replicaHostsSource(ask)
    case 'function':
      // What it gives is checked by whoever asks.
      return { about: "the application's own code", find: async () => (await source.find()) as readonly FoundServer[] }
  }
}
