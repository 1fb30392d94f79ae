import { mainComment, type ApiExport } from './model.ts'
import { topicOf } from './topics.ts'

/** What is wrong with the exports, one sentence each: what, where, and what to do. */
export function complaintsAbout(exports: readonly ApiExport[]): readonly string[] {
  return exports.flatMap((each) => {
    const where = `${each.name} of ${each.entry} (${each.file})`
    const examples = [...each.signatures, ...each.members]
      .map(({ comment }) => comment)
      .flatMap(({ examples }) => examples)
    return [
      ...(mainComment(each).text === ''
        ? [`${where} has no doc comment: say what it is, with units and defaults.`]
        : []),
      ...(topicOf(each) === undefined ? [`${where} has no page: name its file in scripts/api-docs/topics.ts.`] : []),
      ...each.hidden.map(
        (type) => `${where} names ${type}, which cannot be imported: export it, or mark it @internal.`,
      ),
      ...examples
        .filter((example) => !example.startsWith('```ts\n'))
        .map(() => `${where} has an @example that is not compiled: put it between \`\`\`ts and \`\`\`.`),
    ]
  })
}
