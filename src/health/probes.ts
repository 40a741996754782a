import type { ProbeConfig } from '../config/model/model.ts'
import type { Probe } from './probe.ts'
import { grpcProbe } from './probes/grpc.ts'
import { httpProbe } from './probes/http.ts'
import { mysqlProbe } from './probes/mysql.ts'
import { postgresProbe } from './probes/postgres.ts'
import { redisProbe } from './probes/redis.ts'
import { smtpProbe } from './probes/smtp.ts'
import { udpProbe } from './probes/udp.ts'
import { tcpProbe, tlsProbe } from './probes/tcp.ts'

/** Every kind of probe. To add one: a name in ProbeConfig['type'], a file in probes/, a line here. */
export const probes = {
  tcp: tcpProbe,
  tls: tlsProbe,
  http: httpProbe,
  https: httpProbe,
  grpc: grpcProbe,
  mysql: mysqlProbe,
  postgres: postgresProbe,
  redis: redisProbe,
  smtp: smtpProbe,
  udp: udpProbe
} satisfies Record<ProbeConfig['type'], Probe>
