import type { Discovery } from '../config/model/model.ts'
import { consulSource } from './consul.ts'
import { dnsSource } from './dns.ts'
import { dockerSource } from './docker/docker.ts'
import { fileSource } from './file.ts'
import { httpSource } from './http.ts'
import { kubernetesSource } from './kubernetes/kubernetes.ts'
import type { Source, SourceParts } from './source.ts'

/** The table of kinds. A new one needs a file, its keys in the schema and a line here. */
export function makeSource(config: Discovery, parts: SourceParts): Source {
  switch (config.kind) {
    case 'dns':
      return dnsSource(config, parts)
    case 'file':
      return fileSource(config, parts)
    case 'http':
      return httpSource(config, parts)
    case 'docker':
      return dockerSource(config, parts)
    case 'kubernetes':
      return kubernetesSource(config, parts)
    case 'consul':
      return consulSource(config, parts)
  }
}
