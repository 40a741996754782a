import type { z } from 'zod'
import { listOf, mapping, type LeafIssue } from '../../../config/schema/leaf/leaf.ts'
import { duration, flag, text } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneList, loneText, loneTrue } from '../../../config/schema/leaf/lone.ts'
import { fieldName, method } from '../../../config/schema/leaf/network-leaves.ts'
import { stageKeys } from '../stage-keys.ts'
import { originProblem } from './origins.ts'

export function origin() {
  return text('an origin such as https://app.example.com', {
    max: 256,
    json: { title: 'origin' },
    reject: originProblem
  })
}

export const corsKeys = stageKeys({
  words: 'Lets pages of other origins read responses (CORS); preflights are answered here.',
  schema: mapping(
    {
      origins: listOf(origin(), { min: 1, max: 256 }).describe(
        'Allowed origins: `https://app.example.com`, `https://*.example.com` for all its subdomains, or `*` for all (never with `credentials`).'
      ),
      methods: listOf(method(), { max: 32 })
        .prefault(['GET', 'HEAD', 'POST'])
        .describe('Methods that these pages may use; `*` for any.'),
      headers: listOf(fieldName(), { max: 64 })
        .prefault([])
        .describe(
          'Request fields that they may send; `*` for any but `Authorization`, which has to be named.'
        ),
      exposed: listOf(fieldName(), { max: 64 })
        .prefault([])
        .describe('Response fields that they may read; `*` for all (not with `credentials`).'),
      credentials: flag().prefault(false).describe('Allows cookies and credentials.'),
      maxAge: duration({ min: 1000, max: 86_400_000, example: '10m' })
        .prefault('10m')
        .describe('How long browsers remember a preflight.'),
      privateNetwork: flag()
        .prefault(false)
        .describe('Lets pages of public networks send requests to this server in a private network.')
    },
    {
      lone: firstOf(
        loneText('origins'),
        loneList('origins'),
        loneTrue('name the origins: { origins: https://app.example.com }')
      )
    }
  ).superRefine(({ origins, exposed, credentials }, context) => {
    if (!credentials) return
    const refuse = (key: string, expected: string, sentence: string) => {
      const params: LeafIssue = { leaf: true, expected, sentence }
      context.addIssue({ code: 'custom', path: [key], message: sentence, params: { ...params } })
    }
    if (origins.includes('*')) {
      const why = '"*" with `credentials: true` would let any site read its users\' data; name the origins'
      refuse('origins', 'the origins', why)
    }
    if (exposed.includes('*')) {
      const why = 'browsers read "*" as the name of a field where `credentials` is true; name the fields'
      refuse('exposed', 'the fields', why)
    }
  })
})

export type CorsKeys = z.output<typeof corsKeys.schema>
