import { rm } from 'node:fs/promises'
import type * as clientGenerator from '@prisma/client-generator-ts'
import type * as internals from '@prisma/internals'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// As modules of CommonJS: the others cannot be loaded by Node.js (7.10).
const require = createRequire(import.meta.url)
const { PrismaClientTsGenerator } = require('@prisma/client-generator-ts') as typeof clientGenerator
const { getGenerators, loadSchemaContext } = require('@prisma/internals') as typeof internals

/**
 * Makes a client of a schema, as `prisma generate` does, and gives its file. That command would download an engine for migrations first, which
 * nothing here uses.
 */
export async function generatePrisma(schemaPath: string): Promise<URL> {
  const schemaContext = await loadSchemaContext({
    schemaPath: { cliProvidedPath: schemaPath },
    printLoadMessage: false,
  })
  const [generator] = await getGenerators({
    schemaContext,
    registry: { 'prisma-client': { type: 'in-process', generator: new PrismaClientTsGenerator() } },
    skipDownload: true,
    cliCommand: 'prisma generate',
  })
  const output = generator!.options!.generator.output!.value!
  await rm(output, { recursive: true, force: true })
  await generator!.generate()
  generator!.stop()
  return pathToFileURL(join(output, 'client.ts'))
}
