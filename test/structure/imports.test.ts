import { readFileSync, readdirSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

interface Import {
  readonly from: string
  /** A file below `src/`, or the name of a package. */
  readonly to: string
}

/** One rule about the direction of imports: files that match `from` import nothing that matches `never`. */
interface Rule {
  readonly about: string
  readonly from: RegExp
  readonly never: RegExp
}

// The layers, lowest first: errors ← topology, option, statement ← routing, drivers ← failover ← discovery ← execution ← client, ids ← adapters, cli.
const rules: readonly Rule[] = [
  { about: 'errors know nobody', from: /^src\/error-codes\.ts$/, never: /^src\// },
  {
    about: 'errors know their codes alone',
    from: /^src\/(?:signalbox-error|errors)\.ts$/,
    never: /^src\/(?!error-codes\.ts|signalbox-error\.ts)/,
  },
  { about: 'errors are one file to everybody else', from: /^src\/(?!errors\.ts)/, never: /^src\/signalbox-error\.ts$/ },
  { about: 'topology is at the bottom', from: /^src\/topology\//, never: /^src\/(?!topology\/|errors\.ts)/ },
  { about: 'statement is at the bottom', from: /^src\/statement\//, never: /^src\/(?!statement\/|errors\.ts)/ },
  {
    about: 'routing decides about statements and topologies alone',
    from: /^src\/routing\//,
    never: /^src\/(?!routing\/|topology\/|statement\/|errors\.ts|option\.ts)/,
  },
  {
    about: 'reading options is at the bottom',
    from: /^src\/option\.ts$/,
    never: /^src\/(?!topology\/|errors\.ts)|^node:/,
  },
  {
    about: 'routing, analysis and topology use no module of Node.js: they do no I/O',
    from: /^src\/(?:routing|statement|topology)\//,
    never: /^node:/,
  },
  {
    about: 'drivers do not route',
    from: /^src\/drivers\//,
    never: /^src\/(?!drivers\/|topology\/|statement\/|errors\.ts)/,
  },
  {
    about: 'failover knows the servers, not what runs on them',
    from: /^src\/failover\//,
    never: /^src\/(?!failover\/|drivers\/|routing\/|topology\/|statement\/|errors\.ts)/,
  },
  {
    about: 'deciding who is the primary is pure',
    from: /^src\/failover\/(?:decide|decision-record|health|lag)\.ts$/,
    never: /^node:|\/(?:clock|monitor|prober)\.ts$/,
  },
  {
    about: 'discovery names servers, and asks none of them',
    from: /^src\/discovery\//,
    never: /^src\/(?!discovery\/|failover\/(?:clock|shard-view)\.ts|topology\/|errors\.ts)/,
  },
  {
    about: 'execution is below the client',
    from: /^src\/execution\//,
    never:
      /^src\/(?!execution\/|discovery\/|failover\/|drivers\/|routing\/|topology\/|statement\/|errors\.ts|config\.ts)/,
  },
  {
    about: 'ids are made with what a client offers to everybody',
    from: /^src\/ids\//,
    never: /^src\/(?!ids\/|execution\/queryable\.ts|topology\/|errors\.ts|option\.ts)/,
  },
  {
    about: 'only the index knows ids',
    from: /^src\/(?!ids\/|index\.ts)/,
    never: /^src\/ids\//,
  },
  {
    about: 'ids made from a clock use no module of Node.js',
    from: /^src\/ids\/(?:time-counter|snowflake|ticket-stock)\.ts$/,
    never: /^node:/,
  },
  {
    about: 'distributed transactions are below the client, and nobody below knows them',
    from: /^src\/distributed\//,
    never:
      /^src\/(?!distributed\/|execution\/|failover\/clock\.ts|drivers\/|topology\/|statement\/|errors\.ts|config\.ts)/,
  },
  {
    about: 'records of shard maps are below the client, and nobody below knows them',
    from: /^src\/map-records\//,
    never:
      /^src\/(?!map-records\/|execution\/|drivers\/|routing\/|topology\/|statement\/(?:parameter-marks|insert-if-absent)\.ts|errors\.ts)/,
  },
  {
    about: 'directories of owners are below the client, and execution knows their proof as an interface alone',
    from: /^src\/directory\//,
    never: /^src\/(?!directory\/|execution\/|drivers\/|routing\/|topology\/|statement\/|errors\.ts|config\.ts)/,
  },
  {
    about: 'lookups are below the client, and what executes statements knows their interface alone',
    from: /^src\/lookups\//,
    never:
      /^src\/(?!lookups\/|execution\/|drivers\/|routing\/|topology\/|statement\/|errors\.ts|option\.ts|config\.ts)/,
  },
  {
    about: 'shadows are between drivers and execution, which opens them without knowing them',
    from: /^src\/shadows\//,
    never: /^src\/(?!shadows\/|drivers\/|topology\/|statement\/|errors\.ts)/,
  },
  {
    about: 'what a statement becomes on a shadow is pure',
    from: /^src\/shadows\/(?:shadow-step|refusal|replaced-text|shadow-table|shadow-catalogue|shadow-dialect|reused-text|sqlite\/overlay|mysql\/place-of|changes\/(?:change-|row-)[a-z]+|postgres\/(?:overlay|copies|creation|own-steps|grouped-text|plan-tables|names|postgres-dialect|foreign-server))\.ts$/,
    never: /^node:|^src\/drivers\//,
  },
  {
    about: 'moving data is below the client, and nobody below knows it',
    from: /^src\/workflows\//,
    never:
      /^src\/(?!workflows\/|distributed\/(?:moves\/|options\.ts)|execution\/|drivers\/|topology\/|statement\/(?:quotes|parameter-marks|insert-if-absent)\.ts|errors\.ts|option\.ts|config\.ts)/,
  },
  {
    about: 'only the client and the index know what moves data',
    from: /^src\/(?!workflows\/|copy-client\.ts|index\.ts)/,
    never: /^src\/workflows\//,
  },
  {
    about: 'values, and the order of tables, are found without I/O',
    from: /^src\/workflows\/copy\/(?:values\/|table-order\.ts|column-pairs\.ts|row-keys\.ts|copy-text\.ts)/,
    never: /^node:/,
  },
  {
    about: 'what two-phase commit decides is pure',
    from: /^src\/distributed\/(?:protocol|branch-name|branch-text)\.ts$/,
    never: /^node:|^src\/(?!distributed\/branch-name\.ts|drivers\/driver\.ts)/,
  },
  {
    about: 'adapters and cli use the public surface',
    from: /^src\/(?:adapters|cli)\//,
    never: /^src\/(?!adapters\/|cli\/|index\.ts)/,
  },
  {
    about: 'nobody imports upwards',
    from: /^src\/(?!adapters\/|cli\/|testing\/)/,
    never: /^src\/(?:adapters|cli|testing)\//,
  },
  {
    about: 'only drivers, and what looks like one, import a driver',
    from: /^src\/(?!drivers\/|testing\/|adapters\/(?:pg|mysql2|mariadb)(?:\.ts|\/))/,
    never: /^(?:pg|pg-cursor|pg-pool|mysql2|node:sqlite)(?:\/|$)/,
  },
  { about: 'only adapters import a query tool', from: /^src\/(?!adapters\/)/, never: /^kysely(?:\/|$)/ },
  { about: 'sources do not import tests', from: /^src\//, never: /\.test\.ts$/ },
]

function sources(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ]
  return specifiers.map(([, named, dynamic, bare]) => ({
    from: file,
    to: target(file, named ?? dynamic ?? bare ?? ''),
  }))
}

function target(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return builtinModules.includes(specifier) ? `node:${specifier}` : specifier
  return relative(root, join(root, dirname(file), specifier)).replaceAll('\\', '/')
}

function violations(imports: readonly Import[]): readonly string[] {
  return rules.flatMap(({ about, from, never }) =>
    imports
      .filter((found) => from.test(found.from) && never.test(found.to))
      .map((found) => `${found.from} imports ${found.to}: ${about}`),
  )
}

function circles(imports: readonly Import[]): readonly string[] {
  const next = Map.groupBy(imports, ({ from }) => from)
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file)) return
    done.add(file)
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file])
  }
  for (const file of next.keys()) visit(file, [])
  return found
}

const imports = sources('src').flatMap(importsOf)

describe('imports', () => {
  it('are found at all', () => {
    expect(imports.length).toBeGreaterThan(100)
    expect(imports).toContainEqual({ from: 'src/client.ts', to: 'src/scope.ts' })
    expect(imports).toContainEqual({ from: 'src/statement/analyzers.ts', to: 'src/statement/sqlite.ts' })
  })

  it('go one way', () => {
    expect(violations(imports)).toEqual([])
  })

  it('go in no circle', () => {
    expect(circles(imports)).toEqual([])
  })

  it('are held by rules that bite', () => {
    for (const { about, from, never } of rules) {
      const forbidden = [
        'src/client.ts',
        'src/signalbox-error.ts',
        'src/ids/x.ts',
        'src/workflows/copy/x.ts',
        'src/adapters/kysely.ts',
        'src/x.test.ts',
        'node:fs',
        'pg',
        'kysely',
      ].filter((to) => never.test(to))
      const file = [
        'src/error-codes.ts',
        'src/errors.ts',
        'src/error-codes.ts',
        'src/option.ts',
        'src/topology/x.ts',
        'src/statement/x.ts',
        'src/routing/x.ts',
        'src/drivers/x.ts',
        'src/failover/x.ts',
        'src/failover/decide.ts',
        'src/discovery/x.ts',
        'src/execution/x.ts',
        'src/ids/x.ts',
        'src/ids/snowflake.ts',
        'src/distributed/x.ts',
        'src/map-records/x.ts',
        'src/distributed/protocol.ts',
        'src/directory/x.ts',
        'src/lookups/x.ts',
        'src/shadows/x.ts',
        'src/shadows/shadow-step.ts',
        'src/workflows/copy/values/x.ts',
        'src/adapters/x.ts',
        'src/client.ts',
      ].find((name) => from.test(name))
      expect(file, about).toBeDefined()
      expect(violations([{ from: file ?? '', to: forbidden[0] ?? '' }]), about).not.toEqual([])
    }
    expect(
      circles([
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ]),
    ).toEqual(['a → b → a'])
  })
})
