import { z } from 'zod'
import { listOf, mapping } from '../../../../../config/schema/leaf/leaf.ts'
import { duration, flag, integer, off, text, word } from '../../../../../config/schema/leaf/leaves.ts'

/** A proof brings its own key: none is a shared secret. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA', 'Ed25519', 'Ed448'] as const // prettier-ignore

export const dpopSchema = mapping({
  required: flag().prefault(false).describe('Refuse tokens that are not bound to a key.'),
  algorithms: listOf(word(ALGORITHMS), { min: 1, max: 12 })
    .prefault(['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'])
    .describe('Algorithms that may sign proofs.'),
  window: duration({ min: 1000, max: 600_000, example: '60s' })
    .prefault('60s')
    .describe('How far `iat` of a proof may be from the current time, in both directions.'),
  origin: text('scheme and host such as https://api.example', {
    max: 512,
    reject: (value) =>
      /^https?:\/\/[^/?#]+$/i.test(value) && URL.canParse(value)
        ? undefined
        : `"${value}" is not scheme and host; write https://api.example`
  })
    .optional()
    .describe('Scheme and host that `htu` of proofs must have; left out: those of the request.'),
  nonce: z
    .union([off(), duration({ min: 10_000, max: 24 * 3_600_000, example: '5m' })])
    .prefault(false)
    .describe(
      'Wants a value of `lb` in each proof (server-provided nonce), another one after this time; `false`: none is needed.'
    ),
  nonceSecret: text('a secret of at least 32 characters', { min: 32, max: 4096 })
    .optional()
    .describe('(`nonce`) Lets several instances accept the nonces of each other; left out: random.'),
  maxProofs: integer(1024, 10_000_000)
    .prefault(262_144)
    .describe(
      'Proofs that are remembered, over all threads (21 bytes each); make it six times as many as arrive within twice `window`. A proof that finds no place gets 503.'
    )
})

export type DpopInput = z.output<typeof dpopSchema>
export type ProofAlgorithm = (typeof ALGORITHMS)[number]
