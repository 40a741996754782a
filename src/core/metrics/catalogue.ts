export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface MetricSpec {
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  /** Histograms only: upper bounds, ascending, without +Inf. One layout per name, or workers could not be summed. */
  readonly bounds?: readonly number[]
}

// From one millisecond (a cached or local answer) to the half minute of the default response timeout.
const requestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const
// A connect takes a round trip: from the same rack to the default connect timeout of 3 s.
const connectSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3] as const
const waitSeconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const

/**
 * Every metric there is: name, type, labels, meaning. Registration takes its names from here, so an unknown name or
 * a missing label does not compile, and docs/metrics.md is held to it by a test. The names are stable.
 *
 * Labels take their values from the configuration or from a fixed set, never from traffic: what a client sends
 * cannot make a new series.
 */
export const catalogue = {
  lb_requests_total: counter(
    ['listener', 'route'],
    'Requests, by the route that took them; with an empty route those that none took: none matched, or the head was refused.'
  ),
  lb_responses_total: counter(
    ['listener', 'route', 'class'],
    'Final responses sent to clients, by class of status: 1xx (upgrades) to 5xx; with an empty route where none took the request.'
  ),
  lb_request_duration_seconds: histogram(
    ['route', 'pool'],
    requestSeconds,
    'From the whole head of the request to the last byte of the response.'
  ),
  lb_errors_total: counter(
    ['listener', 'code'],
    'Exchanges and connections that failed, by error code (LB_...).'
  ),
  lb_internal_errors_total: counter(
    ['listener'],
    'Exceptions in lb itself, each of which ended one exchange or connection (LB_INTERNAL); the listener is empty where nobody could tell.'
  ),
  lb_stage_refusals_total: counter(
    ['listener', 'route', 'stage', 'shadow'],
    'Requests refused by a guard; shadow="true": it only would have refused them.'
  ),
  lb_plugin_errors_total: counter(
    ['plugin'],
    'Hooks of a plugin that threw, or promises of it that failed or came too late; each ended one exchange with 500.'
  ),
  lb_plugin_slow_total: counter(['plugin'], 'Calls of a hook of a plugin that took longer than its budget.'),
  lb_plugin_seconds_total: counter(['plugin'], 'Time that the hooks of a plugin took, waits aside.'),
  lb_plugin_events_total: counter(
    ['plugin', 'event'],
    'What a plugin counts itself, by the words that it chose.'
  ),
  lb_compressed_responses_total: counter(
    ['listener', 'route', 'coding'],
    'Responses that `compress` sent in a content coding, those among them that the cache had encoded before.'
  ),
  lb_dictionaries_offered_total: counter(
    ['listener', 'route'],
    'Responses of the cache that say that they may serve as a dictionary (`compress.dictionary`).'
  ),
  lb_decompressed_requests_total: counter(
    ['listener', 'route', 'result'],
    'Request bodies that `decompress` decoded: decoded, too-large (refused on the way), slow (gave up its memory to others), no-memory (refused at once).'
  ),
  lb_grpc_calls_total: counter(
    ['listener', 'service', 'method', 'status'],
    'Calls of gRPC by service, method and grpc-status, where `grpcMetrics` is on; those beyond its bound are `other`.'
  ),
  lb_grpc_call_duration_seconds: histogram(
    ['listener', 'service', 'method'],
    requestSeconds,
    'Time from the first byte of a call to the end of its answer, where `grpcMetrics` is on.'
  ),
  lb_mirror_dropped_total: counter(
    ['listener', 'route', 'reason'],
    'Requests that a mirror did not get whole: full (mirror.max copies under way), timeout (mirror.timeout), too-large (the body).'
  ),
  lb_auth_total: counter(
    ['listener', 'route', 'method', 'outcome'],
    'Decisions of auth: allowed, refused, missing (no credential), throttled, unavailable, login.'
  ),
  lb_retries_total: counter(['pool'], 'Attempts after the first.'),

  lb_connections_total: counter(['listener'], 'Connections accepted.'),
  lb_connections_open: gauge(['listener'], 'Connections open now.'),
  lb_connections_refused_total: counter(
    ['listener', 'reason'],
    'Connections closed before any byte was relayed: denied, limit, proxy-header, tls, no-sni, no-backend, shutdown, internal, descriptors.'
  ),
  lb_http2_streams_open: gauge(['listener'], 'Streams of HTTP/2 connections open now.'),
  lb_http2_resets_total: counter(
    ['listener', 'by', 'code'],
    'Streams ended by RST_STREAM, by whose doing (peer: the client; violation: the client broke a rule; lb) and code.'
  ),
  lb_http2_connection_errors_total: counter(
    ['listener', 'code'],
    'HTTP/2 connections that ended with an error, by its code; ENHANCE_YOUR_CALM: too much odd behaviour.'
  ),
  lb_http2_connections_held_back_total: counter(
    ['listener', 'how'],
    'HTTP/2 connections of clients that were told ENHANCE_YOUR_CALM again and again: delayed, refused.'
  ),
  lb_http2_glitches_total: counter(
    ['listener'],
    'Odd but legal behaviour of HTTP/2 clients: early resets, floods of frames, late frames.'
  ),
  lb_bytes_total: counter(
    ['listener', 'direction'],
    'Bytes read from clients (in) and written to them (out).'
  ),
  lb_tls_certificate_expiry_seconds: gauge(
    ['listener', 'file'],
    'Seconds until the certificate expires; negative once it has. By its file, or self-signed.'
  ),
  lb_ocsp_staple_expiry_seconds: gauge(
    ['file'],
    'Seconds for which the OCSP response that is stapled to the certificate is still good; 0: none is stapled.'
  ),
  lb_ocsp_requests_total: counter(['result'], 'OCSP responders asked: ok, no-answer, not-valid, revoked.'),
  lb_acme_names: gauge(
    ['state'],
    'Names with certificates by ACME, by state: valid, renewing, ordering, waiting, failed.'
  ),
  lb_acme_orders_total: counter(['result'], 'Orders of certificates that have ended: ok or fail.'),
  lb_tls_handshakes_total: counter(
    ['listener', 'version', 'resumed'],
    'TLS handshakes with clients that were completed, by version and whether a session was resumed.'
  ),
  lb_tls_handshake_failures_total: counter(
    ['listener', 'reason'],
    'TLS handshakes with clients that failed: timeout, client-gone, http, not-tls, version, cipher, alpn, client-certificate, refused-by-client, challenge, protocol, internal.'
  ),
  lb_l4_ends_total: counter(
    ['listener', 'reason'],
    'L4 connections ended: client-closed, upstream-closed, client-reset, upstream-reset, idle, half-close-timeout, drained, backend-down, shutdown, internal, refused, client-gone; of UDP also answered and unreachable.'
  ),
  lb_udp_datagrams_total: counter(
    ['listener', 'direction'],
    'Datagrams relayed: in (to a backend) and out (to a client).'
  ),
  lb_udp_dropped_total: counter(
    ['listener', 'reason'],
    'Datagrams not relayed: refused, no-backend, unreachable, amplification, descriptors, send, shutdown.'
  ),
  lb_udp_kernel_drops_total: counter(
    ['listener'],
    'Datagrams that the kernel dropped because the sockets of the listener were full.'
  ),

  lb_connect_duration_seconds: histogram(
    ['pool'],
    connectSeconds,
    'Time to open a connection to a backend, TLS included.'
  ),
  lb_upstream_connections: gauge(['pool', 'state'], 'Connections to backends now: idle or busy.'),
  lb_backend_up: gauge(
    ['pool', 'backend'],
    '1 while probes call it up or have not decided yet, 0 while down.'
  ),
  lb_backend_state: gauge(
    ['pool', 'backend', 'state'],
    '1 for the state that holds, 0 for the others: ready, drain, maint, ejected, down.'
  ),
  lb_backend_active: gauge(
    ['pool', 'backend'],
    'Leases held now: requests (L7) or connections (L4) in progress.'
  ),
  lb_backend_open: gauge(['pool', 'backend'], 'Connections open to it now, idle ones included.'),
  lb_backend_weight: gauge(['pool', 'backend'], 'Weight in force.'),
  lb_backend_requests_total: counter(['pool', 'backend'], 'Leases given back, whatever the outcome.'),
  lb_backend_failures_total: counter(
    ['pool', 'backend'],
    'Leases given back with an outcome that counts as a failure.'
  ),
  lb_breaker_opens_total: counter(['pool', 'backend'], 'Times the breaker opened.'),
  lb_probes_total: counter(
    ['pool', 'backend', 'result'],
    'Probes finished, by result: ok, fail, or unable (a fault of this machine, nobody judged).'
  ),
  lb_probe_duration_seconds: histogram(['pool'], connectSeconds, 'Time a probe took.'),
  lb_pool_usable_backends: gauge(
    ['pool'],
    'Backends that can be picked: ready, up and not ejected. At 0 requests are answered 503.'
  ),
  lb_queue_waiting: gauge(['pool'], 'Requests waiting for a free backend now.'),
  lb_queue_wait_seconds: histogram(['pool'], waitSeconds, 'Time spent waiting, by those that waited.'),

  lb_cache_requests_total: counter(
    ['cache', 'result'],
    'Lookups by result: hit, miss, stale, revalidated, coalesced, bypass.'
  ),
  lb_cache_bytes: gauge(['cache'], 'Bytes stored now.'),
  lb_rate_limit_allowed_total: counter(
    ['listener', 'route'],
    'Requests that all rate limits of the route let through.'
  ),
  lb_rate_limit_fallbacks_total: counter(
    ['listener', 'route'],
    'Decisions of limits with `store: redis` that were made without Redis, by onError.'
  ),
  lb_redis_up: gauge(['worker'], '1: this thread reaches Redis; 0: it does not.'),
  lb_redis_commands_total: counter(['result'], 'Commands to Redis by result: ok, timeout or error.'),
  lb_cache_tier_lookups_total: counter(
    ['cache', 'result'],
    'Lookups in Redis of what the memory has not: hit (it is in the memory now), claimed (this instance fetches it), none.'
  ),
  lb_rate_limit_untracked_total: counter(
    ['listener', 'route'],
    'Decisions of rate limits that let a request through uncounted: all entries that its key may have are being limited (maxKeys).'
  ),
  lb_concurrency_allowed_total: counter(
    ['listener', 'route'],
    'Requests that got a place of the concurrency limit.'
  ),
  lb_concurrency_queued_total: counter(['listener', 'route'], 'Requests that waited for such a place.'),
  lb_concurrency_untracked_total: counter(
    ['listener', 'route'],
    'Requests that went on uncounted, since more keys had requests under way than maxKeys allows.'
  ),
  lb_discovery_backends: gauge(['pool'], 'Backends that the source of a pool (discover) found last.'),
  lb_discovery_up: gauge(['pool'], '1: the source of a pool answered when it was last asked; 0: it did not.'),
  lb_discovery_failures_total: counter(['pool'], 'Tries to ask the source of a pool that failed.'),
  lb_cache_entries: gauge(['cache'], 'Responses stored now.'),
  lb_cache_stored_total: counter(['cache'], 'Responses stored whole.'),
  lb_cache_evictions_total: counter(['cache'], 'Responses pushed out to make room.'),
  lb_cache_purged_total: counter(['cache'], 'Responses removed by a purge.'),

  lb_config_reloads_total: counter(['result'], 'Reloads by result: ok or fail.'),
  lb_config_last_reload_timestamp_seconds: gauge(
    [],
    'Unix time at which the configuration in force was taken.'
  ),
  lb_workers: gauge([], 'Worker threads running; 0 means that the main thread does the work.'),
  lb_worker_restarts_total: counter([], 'Worker threads replaced after a crash.'),
  lb_worker_event_loop_delay_seconds: gauge(
    ['worker', 'percentile'],
    'How late timers fired over the last period: percentiles 50, 99 and 100 (the worst). A saturated worker shows here first.'
  ),
  lb_log_lines_lost_total: counter(
    ['log'],
    'Lines that a log did not take: its disk is full, its reader is gone or too slow. By the path of its file; main: standard output.'
  ),
  lb_build_info: gauge(['version', 'node'], 'Always 1; the labels tell what runs.'),
  lb_metrics_dropped_series: gauge(
    [],
    'Series refused because a thread held too many; 0 unless a bound was hit.'
  ),

  process_cpu_seconds_total: counter([], 'Processor time of the whole process, user and system, in seconds.'),
  process_resident_memory_bytes: gauge([], 'Resident memory of the whole process.'),
  process_start_time_seconds: gauge([], 'Unix time at which the process started.'),
  process_open_fds: gauge([], 'Open file descriptors.'),
  process_max_fds: gauge([], 'Most file descriptors it may open.')
} as const

type Catalogue = typeof catalogue
export type MetricName = keyof Catalogue
type NamesOfType<T extends MetricType> = {
  [N in MetricName]: Catalogue[N]['type'] extends T ? N : never
}[MetricName]
export type CounterName = NamesOfType<'counter'>
export type GaugeName = NamesOfType<'gauge'>
export type HistogramName = NamesOfType<'histogram'>

/** Exactly the labels of that metric, `{}` where it has none. */
export type LabelsOf<N extends MetricName> = Readonly<Record<Catalogue[N]['labels'][number], string>>

function counter<const L extends readonly string[]>(labels: L, help: string) {
  return { type: 'counter' as const, labels, help }
}

function gauge<const L extends readonly string[]>(labels: L, help: string) {
  return { type: 'gauge' as const, labels, help }
}

function histogram<const L extends readonly string[]>(labels: L, bounds: readonly number[], help: string) {
  return { type: 'histogram' as const, labels, bounds, help }
}
