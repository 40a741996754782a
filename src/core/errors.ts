/** The side at fault: the client's, the backend's, or ours. */
export type Side = 'downstream' | 'upstream' | 'internal'

export interface ErrorKind {
  readonly side: Side
  /** What the client is told; left out where the protocol has no status (L4) or nobody is left to tell. */
  readonly status?: number
  /** The level of its log line: `debug` for a client's mistake, `warn` for a backend that fails. */
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** The body of the answer, without a line end: short, and nothing of our inside in it. */
  readonly phrase: string
  /** RFC 9209 §2.3: the value of `error` in Proxy-Status. */
  readonly proxyStatus?: ProxyStatusError
}

/** The registered proxy error types (RFC 9209 §2.3) that we can tell apart. */
export type ProxyStatusError =
  | 'destination_unavailable'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'connection_read_timeout'
  | 'connection_limit_reached'
  | 'tls_protocol_error'
  | 'http_request_error'
  | 'http_request_denied'
  | 'http_response_timeout'
  | 'http_protocol_error'
  | 'proxy_internal_error'
  | 'proxy_loop_detected'

/**
 * Every way in which an exchange or a connection can fail. The code stands in the log, in metrics
 * (`lb_errors_total{code}`) and in the documentation; everything else about it is looked up here, once, at the edge.
 */
export const errors = {
  // What the client sent.
  LB_BAD_REQUEST: client(400, 'bad request'),
  LB_FRAMING: client(400, 'bad message framing'),
  LB_CLEAR_TEXT: client(400, 'this port speaks https'),
  LB_CLIENT_CERTIFICATE: {
    side: 'downstream',
    status: 400,
    level: 'info',
    phrase: 'client certificate not accepted',
    proxyStatus: 'http_request_denied'
  },
  LB_BAD_HOST: client(400, 'bad host'),
  LB_BAD_PATH: client(400, 'bad path'),
  LB_LOGIN_FAILED: client(
    401,
    'the login did not succeed; open the page that you wanted once more',
    'http_request_denied'
  ),
  LB_UNAUTHENTICATED: client(401, 'authentication required', 'http_request_denied'),
  LB_FORBIDDEN: client(403, 'forbidden', 'http_request_denied'),
  LB_CSRF: client(403, 'request from another origin', 'http_request_denied'),
  LB_METHOD: client(405, 'method not allowed', 'http_request_denied'),
  LB_REQUEST_TIMEOUT: client(408, 'request timeout'),
  LB_BODY_TOO_LARGE: client(413, 'body too large', 'http_request_denied'),
  LB_URL_TOO_LONG: client(414, 'url too long'),
  LB_MEDIA_TYPE: client(415, 'unsupported media type', 'http_request_denied'),
  LB_RATE_LIMIT: client(429, 'too many requests', 'http_request_denied'),
  LB_AUTH_GUESSES: client(429, 'too many wrong credentials', 'http_request_denied'),
  LB_EXPECTATION: client(417, 'expectation failed'),
  LB_HEAD_TOO_LARGE: client(431, 'request header fields too large'),
  LB_NOT_IMPLEMENTED: client(501, 'method not implemented'),
  LB_UNSUPPORTED_CODING: client(501, 'transfer coding not implemented'),
  LB_VERSION: client(505, 'http version not supported'),
  LB_LOOP: {
    side: 'downstream',
    status: 508,
    level: 'warn',
    phrase: 'loop detected',
    proxyStatus: 'proxy_loop_detected'
  },
  LB_NO_ROUTE: client(404, 'not found', 'http_request_denied'),
  // RFC 9111 §5.2.1.7: the client wants a stored response, and there is none.
  LB_ONLY_IF_CACHED: client(504, 'not in the cache', 'http_request_denied'),
  // Nobody is left to read an answer: 499 stands in the log only.
  LB_CLIENT_GONE: { side: 'downstream', status: 499, level: 'debug', phrase: 'client closed the connection' },

  // Nothing was sent to a backend.
  LB_NO_BACKEND: backend(503, 'no backend available', 'destination_unavailable'),
  LB_CONCURRENCY: {
    side: 'downstream',
    status: 503,
    level: 'info',
    phrase: 'too many requests under way',
    proxyStatus: 'http_request_denied'
  },
  LB_QUEUE_FULL: backend(503, 'too many requests waiting', 'connection_limit_reached'),
  LB_QUEUE_TIMEOUT: backend(503, 'no backend became free in time', 'connection_limit_reached'),

  // What became of the backend's side.
  LB_CONNECT_FAILED: backend(502, 'backend refused the connection', 'connection_refused'),
  LB_CONNECT_TIMEOUT: backend(504, 'backend did not accept in time', 'connection_timeout'),
  LB_UPSTREAM_RESET: backend(502, 'backend closed the connection', 'connection_terminated'),
  LB_UPSTREAM_PROTOCOL: backend(502, 'bad answer from the backend', 'http_protocol_error'),
  LB_UPSTREAM_TLS: backend(502, 'tls to the backend failed', 'tls_protocol_error'),
  LB_RESPONSE_TIMEOUT: backend(504, 'backend did not answer in time', 'http_response_timeout'),
  LB_UPSTREAM_IDLE: backend(504, 'backend stopped sending', 'connection_read_timeout'),

  // Ours.
  LB_SHUTTING_DOWN: { side: 'internal', status: 503, level: 'info', phrase: 'shutting down' },
  LB_AUTH_UNAVAILABLE: {
    side: 'internal',
    status: 503,
    level: 'warn',
    phrase: 'authentication is not available',
    proxyStatus: 'proxy_internal_error'
  },
  // The thread's own line tells it, every ten seconds and with the numbers.
  LB_EXHAUSTED: {
    side: 'internal',
    status: 503,
    level: 'debug',
    phrase: 'out of file descriptors or memory',
    proxyStatus: 'proxy_internal_error'
  },
  LB_NO_PORT: {
    side: 'internal',
    status: 503,
    level: 'error',
    phrase: 'no address or port to connect from',
    proxyStatus: 'proxy_internal_error'
  },
  // Asked for by `fault`, with a status of its own.
  LB_FAULT: {
    side: 'internal',
    status: 503,
    level: 'info',
    phrase: 'fault injected',
    proxyStatus: 'http_request_denied'
  },
  LB_INTERNAL: {
    side: 'internal',
    status: 500,
    level: 'error',
    phrase: 'internal error',
    proxyStatus: 'proxy_internal_error'
  },

  // Refusals at the connection (L4, and L7 before the first request): there is no status to send.
  LB_DENIED: connection('address not allowed'),
  LB_CONNECTION_LIMIT: connection('too many connections'),
  LB_PROXY_HEADER: connection('bad or missing PROXY header'),
  LB_NO_SNI: connection('no pool for this server name'),
  LB_TLS_HANDSHAKE: connection('tls handshake failed'),
  LB_IDLE: connection('idle for too long')
} satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errors

/** The kind behind a code, with the optional fields visible to the compiler. */
export function errorKind(code: ErrorCode): ErrorKind {
  return errors[code]
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function client(
  status: number,
  phrase: string,
  proxyStatus: ProxyStatusError = 'http_request_error'
): ErrorKind {
  return { side: 'downstream', status, level: 'debug', phrase, proxyStatus }
}

function backend(status: number, phrase: string, proxyStatus: ProxyStatusError): ErrorKind {
  return { side: 'upstream', status, level: 'warn', phrase, proxyStatus }
}

function connection(phrase: string): ErrorKind {
  return { side: 'downstream', level: 'info', phrase }
}
