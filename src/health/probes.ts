import type { ProbeConfig } from '../config/model/model.ts'
import type { Probe } from './probe.ts'
import { grpcProbe } from './probes/grpc.ts'
import { httpProbe } from './probes/http.ts'
import { tcpProbe } from './probes/tcp.ts'
import { tlsProbe } from './probes/tls.ts'

/** Every kind of probe. To add one: a name in ProbeConfig['type'], a file in probes/, a line here. */
export const probes = {
  tcp: tcpProbe,
  tls: tlsProbe,
  http: httpProbe,
  https: httpProbe,
  grpc: grpcProbe
} satisfies Record<ProbeConfig['type'], Probe>
