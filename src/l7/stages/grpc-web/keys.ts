import { flag } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

export const grpcWebKeys = stageKeys({
  words: 'Translates gRPC-Web calls of browsers to gRPC.',
  schema: flag().describe(
    'Translate `application/grpc-web` and `application/grpc-web-text` (base64) to gRPC and back; the pool speaks `h2` or `h2c`.'
  )
})
