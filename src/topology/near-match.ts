import { distance } from 'fastest-levenshtein'

const mostShown = 3

/** The known names that a misspelt one may have meant, nearest first; at most three. */
export function nearMatches(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.toLowerCase()
  const limit = Math.max(1, Math.floor(wanted.length / 3))
  return known
    .map((candidate) => ({ candidate, steps: stepsBetween(wanted, candidate.toLowerCase()) }))
    .filter(({ steps }) => steps <= limit)
    .sort((a, b) => a.steps - b.steps)
    .slice(0, mostShown)
    .map(({ candidate }) => candidate)
}

// Two letters changed places is the commonest slip of all, and costs two in plain edit distance.
function stepsBetween(a: string, b: string): number {
  const steps = distance(a, b)
  return steps === 2 && lettersOf(a) === lettersOf(b) ? 1 : steps
}

function lettersOf(text: string): string {
  return text.split('').sort().join('')
}
