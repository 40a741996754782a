// Small configurations, for tables of mistakes.

export const head = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]\n'
export const pools = 'pools:\n  web: { backends: ["10.0.0.1:80"] }\n'
/** A file with these keys in its one listener. */
export const L = (keys: string) => `listeners:\n  - { bind: ":8080", mode: l7, pool: web, ${keys} }\n${pools}`
/** The same of Layer 4. */
export const L4 = (keys: string) =>
  `listeners:\n  - { bind: ":5432", mode: l4, pool: web, ${keys} }\n${pools}`
/** In its one route. */
export const R = (keys: string) =>
  `listeners:\n  - bind: ":8080"\n    mode: l7\n    pool: web\n    routes:\n      - { ${keys} }\n${pools}`
/** In its one pool. */
export const P = (keys: string) => `${head}pools:\n  web: { backends: ["10.0.0.1:80"], ${keys} }\n`
/** With this backend. */
export const B = (backend: string) => `${head}pools:\n  web: { backends: [${backend}] }\n`
/** At the top. */
export const T = (keys: string) => `${keys}\n${head}${pools}`
