import { chown, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunAs } from './binaries.ts'

const memory = '/dev/shm'
const enoughBytes = 2 ** 30

/**
 * A new folder for a server's data, owned by the user that runs it. Below SIGNALBOX_TEST_FOLDER, or else TMPDIR, if one of
 * them is set; otherwise in memory where Linux has a gigabyte free for it (`/dev/shm`): on a busy disk a server took three to eight
 * times as long to start. Otherwise in the system's temporary folder.
 */
export async function temporaryFolder(name: string, runAs: RunAs = {}): Promise<string> {
  const folder = await mkdtemp(join(await parentFolder(), `signalbox-${name}-`))
  if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(folder, runAs.uid, runAs.gid)
  return folder
}

async function parentFolder(): Promise<string> {
  const named = process.env['SIGNALBOX_TEST_FOLDER'] ?? process.env['TMPDIR']
  if (named !== undefined && named !== '') return named
  if (process.platform !== 'linux') return tmpdir()
  const space = await statfs(memory).catch(() => undefined)
  return space !== undefined && space.bavail * space.bsize >= enoughBytes ? memory : tmpdir()
}
