import { caddy } from './caddy.ts'
import { direct } from './direct.ts'
import { haproxy } from './haproxy.ts'
import { lb } from './lb.ts'
import { nginx } from './nginx.ts'
import { nodePeer } from './node-peer.ts'
import type { Target, TargetName } from './target.ts'
import { varnish } from './varnish.ts'

export const targets: Record<Exclude<TargetName, 'base'>, Target> = {
  lb,
  nginx,
  haproxy,
  caddy,
  varnish,
  'http-proxy': nodePeer('http-proxy'),
  'http-proxy-3': nodePeer('http-proxy-3'),
  httpxy: nodePeer('httpxy'),
  'fast-proxy': nodePeer('fast-proxy'),
  '@fastify/http-proxy': nodePeer('@fastify/http-proxy'),
  direct
}
