import type { HeaderBlock } from './header-block.ts'

/** Whether a body is a stream of events that may be silent for long: Server-Sent Events, and messages of gRPC. */
export function isEventStream(headers: HeaderBlock): boolean {
  const type = headers.first('content-type')
  return type !== undefined && /^(?:text\/event-stream|application\/grpc)\b/i.test(type)
}
