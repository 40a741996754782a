import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { integer, on } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

const keys = mapping({
  methods: integer(1, 10_000)
    .prefault(200)
    .describe('Most methods counted by name, per worker; calls of all others count as `other`.')
})

export const grpcMetricsKeys = stageKeys({
  words: 'Counts and times gRPC calls by service and method; `true`: all defaults.',
  schema: z.union([on(), keys]).transform((value) => (value === true ? keys.parse({}) : value))
})

export type GrpcMetricsKeys = z.output<typeof grpcMetricsKeys.schema>
