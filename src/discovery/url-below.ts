/** The URL of a path of an API, which may itself be below a path: Rancher's clusters are at `/k8s/clusters/<id>`. */
export function urlBelow(base: string, path: string): URL {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`
  return url
}
