import { duration, integer } from '../../../../config/schema/leaf/leaves.ts'

/** The keys of every method that asks an external service. `questions`: what may wait for it. */
export function askingKeys(questions: string) {
  return {
    timeout: duration({ min: 10, max: 60_000, example: '2s' })
      .prefault('2s')
      .describe('How long the whole answer may take; then 503.'),
    connections: integer(1, 1024)
      .prefault(32)
      .describe(`Connections of each thread; four times as many ${questions} may wait.`)
  }
}
