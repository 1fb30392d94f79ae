import { UnsupportedError } from './errors.ts'

/** As `engines` of package.json says. An older one would stop in the middle of loading, with a message that helps nobody. */
const oldest = [22, 13] as const

/** Throws `UnsupportedError` for a version of Node.js that is too old. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return
  throw new UnsupportedError(`Signalbox needs Node.js ${oldest.join('.')} or later, and this is ${version}.`)
}

// Whoever imports this file first is told before anything else is loaded.
requireNode(process.versions.node)
