// Loaded by the program that runs a suite, before the suite's own code: it puts the subject in its place.
import type { Subject } from './subject.ts'
import { wishesKey, type SubjectWishes } from './subject.ts'

const wishes = JSON.parse(process.env[wishesKey] ?? '{}') as SubjectWishes
const { subject } = (await import(`./subjects/${wishes.subject}.ts`)) as { readonly subject: Subject }
await subject(wishes)
